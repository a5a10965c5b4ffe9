"""Read the functions of a stack: handler, memory, time-out, concurrency, role, path."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kennel.cloud.cloudformation.template import Resource, Stack

#: What a function may take without a reservation. An AWS account has 1,000 for all functions
#: together (new ones often 10); this machine holds fewer processes.
UNRESERVED_CONCURRENCY = 10


@dataclass(frozen=True)
class FunctionConfig:
    """One AWS::Lambda::Function of the template.

    Attributes
    ----------
    memory : int
        MB; an environment that holds more is killed, where /proc shows it.
    timeout : float
        Seconds.
    concurrency : int
        Most environments at once.
    role : str
        Logical id of its role, used as its access key.
    path : tuple of Path
        Its own build, then its layers'.
    log_group : str
        The log group that its output goes to, if its role allows that.
    log_format : str
        Text or JSON.
    log_level : str
        ApplicationLogLevel, which Lambda allows with JSON only; empty if the format is Text.
    """

    logical_id: str
    name: str
    handler: str
    memory: int
    timeout: float
    concurrency: int
    role: str
    environment: Mapping[str, str]
    path: tuple[Path, ...]
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""


def read_functions(stack: Stack, built: Mapping[str, Path]) -> dict[str, FunctionConfig]:
    """Return the stack's functions by name; `built` gives the folder of each make target."""
    roles = {role.arn: role.logical_id for role in stack.of_type("AWS::IAM::Role")}
    layers = layer_folders(stack, built)
    return {
        each.name: read_function(
            each, built[make_target(each)], layers, roles[each.properties["Role"]]
        )
        for each in stack.of_type("AWS::Lambda::Function")
    }


def layer_folders(stack: Stack, built: Mapping[str, Path]) -> dict[str, Path]:
    """Return the folder of each layer of the stack by its ARN."""
    layers = stack.of_type("AWS::Lambda::LayerVersion")
    return {each.arn: built[make_target(each)] / "python" for each in layers}


def make_target(resource: Resource) -> str:
    """Return the logical id in template.yaml (SAM's transform gives a layer another)."""
    properties = resource.properties
    return str((properties.get("Code") or properties["Content"])["S3Key"])


def read_function(
    resource: Resource, code: Path, layers: Mapping[str, Path], role: str
) -> FunctionConfig:
    """Return a function's configuration.

    Parameters
    ----------
    code
        Folder of its build.
    layers
        Folders by ARN.
    role
        Access key of its role.
    """
    properties = resource.properties
    reserved = properties.get("ReservedConcurrentExecutions")
    environment = properties.get("Environment", {}).get("Variables", {})
    logging = properties.get("LoggingConfig", {})
    log_format = logging.get("LogFormat", "Text")
    return FunctionConfig(
        logical_id=resource.logical_id,
        name=resource.name,
        handler=properties["Handler"],
        memory=int(properties.get("MemorySize", 128)),
        timeout=float(properties.get("Timeout", 3)),
        concurrency=UNRESERVED_CONCURRENCY if reserved is None else int(reserved),
        role=role,
        environment={key: str(value) for key, value in environment.items()},
        path=(code, *(layers[arn] for arn in properties.get("Layers", []))),
        log_group=logging.get("LogGroup", f"/aws/lambda/{resource.name}"),
        log_format=log_format,
        log_level=logging.get("ApplicationLogLevel", "INFO") if log_format == "JSON" else "",
    )
