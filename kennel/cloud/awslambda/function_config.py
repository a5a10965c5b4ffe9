"""Configuration of a function's execution environments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.template import Resource

#: What a function may take without a reservation. An AWS account has 1,000 for all functions
#: together (new ones often 10); this machine holds fewer processes.
UNRESERVED_CONCURRENCY = 10


@dataclass(frozen=True)
class FunctionConfig:
    """What an execution environment of a function is started with.

    Attributes
    ----------
    memory : int
        MB; an environment that holds more is killed, where /proc shows it.
    timeout : float
        Seconds.
    concurrency : int
        Most environments at once.
    role : str
        Access key of a session of its role; empty while there is no such role.
    path : tuple of Path
        Its own code, then its layers'.
    log_group : str
        The log group that its output goes to, if its role allows that.
    log_format : str
        Text or JSON.
    log_level : str
        ApplicationLogLevel, which Lambda allows with JSON only; empty if the format is Text.
    """

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


def make_target(resource: Resource) -> str:
    """Return the logical id in template.yaml (SAM's transform gives a layer another)."""
    properties = resource.properties
    return str((properties.get("Code") or properties["Content"])["S3Key"])


def read_function(
    configuration: Mapping[str, Any], code: Path, layers: tuple[Path, ...], role: str
) -> FunctionConfig:
    """Return what runs for a function's configuration, in the names of CreateFunction.

    Parameters
    ----------
    code
        Folder of its package.
    layers
        Folders of its layers, in its order.
    role
        Access key of a session of its role.
    """
    name, reserved = (
        configuration["FunctionName"],
        configuration.get("ReservedConcurrentExecutions"),
    )
    logging = configuration.get("LoggingConfig", {})
    log_format = logging.get("LogFormat", "Text")
    return FunctionConfig(
        name=name,
        handler=configuration["Handler"],
        memory=configuration.get("MemorySize", 128),
        timeout=float(configuration.get("Timeout", 3)),
        concurrency=UNRESERVED_CONCURRENCY if reserved is None else reserved,
        role=role,
        environment=configuration.get("Environment", {}).get("Variables", {}),
        # The last layer is unzipped over the others.
        path=(code, *(path for layer in reversed(layers) for path in _paths(layer, configuration))),
        log_group=logging.get("LogGroup", f"/aws/lambda/{name}"),
        log_format=log_format,
        log_level=logging.get("ApplicationLogLevel", "INFO") if log_format == "JSON" else "",
    )


def _paths(layer: Path, configuration: Mapping[str, Any]) -> tuple[Path, Path]:
    """Return where a layer's modules may lie.

    https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
    """
    python = layer / "python"
    return python, python / "lib" / configuration["Runtime"] / "site-packages"
