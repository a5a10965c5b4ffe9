"""Work out what `sam deploy` would deploy: stack name, region, parameters and resources.

samconfig.toml is read as SAM reads it: it has a table for each environment, and parameters given on
the command line replace the file's whole list.
"""

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.template import Stack, load
from kennel.cloud.cloudformation.yaml_text import parse_yaml
from kennel.errors import KennelError
from kennel.paths import ROOT, TEMPLATE

SAMCONFIG = ROOT / "samconfig.toml"
DEFAULT_ENV = "default"  # SAM's own, without --config-env

#: The property that holds the name, for each type whose names the template may choose.
_NAME_PROPERTIES = {
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
}


@dataclass(frozen=True)
class Deployment:
    """A stack before it is deployed.

    Attributes
    ----------
    region
        From samconfig.toml or the command line; empty if neither names one, which leaves it to
        the AWS configuration.
    parameters
        All of the template's: those given, and the defaults of the others.
    stack
        The template's resources with these parameters. Names that CloudFormation would make up
        are placeholders.
    declared
        The template's resources as written, by logical id: only these show which names the
        template chooses.
    """

    stack_name: str
    region: str
    parameters: Mapping[str, str]
    stack: Stack
    declared: Mapping[str, Any]

    @property
    def endpoint_name(self) -> str:
        """The SageMaker endpoint's name, from which all other SageMaker names follow."""
        return self.parameters["EndpointName"]

    def chosen_names(self, resource_type: str) -> dict[str, str]:
        """Return the names, by logical id, that the template chooses for resources of a type."""
        name_property = _NAME_PROPERTIES[resource_type]
        return {
            resource.logical_id: resource.name
            for resource in self.stack.of_type(resource_type)
            if name_property in self.declared[resource.logical_id].get("Properties", {})
        }

    def number(self, parameter: str) -> int:
        """Return a parameter of type Number."""
        return int(float(self.parameters[parameter]))


def read(
    config_env: str | None = DEFAULT_ENV,
    overrides: Sequence[str] = (),
    *,
    stack_name: str = "",
    region: str = "",
    samconfig: Path = SAMCONFIG,
    template: Path = TEMPLATE,
) -> Deployment:
    """Read what `sam deploy --config-env ENV --parameter-overrides ...` would deploy.

    Parameters
    ----------
    config_env
        Environment of samconfig.toml; None for the template's defaults, which `kennel up` runs.
        The file may lack `default` if there is a `stack_name`: the template's defaults again.

    Raises
    ------
    KennelError
        For an unknown environment, a file that cannot be read, or a parameter that the
        template refuses.
    """
    options: dict[str, Any] = {"stack_name": "kennel"}
    if config_env:
        needed = config_env != DEFAULT_ENV or not stack_name
        options = _sam_options(samconfig, config_env, needed=needed)
    given = parse_parameters(overrides or options.get("parameter_overrides", []))
    name = stack_name or options.get("stack_name", "")
    if not name:
        raise KennelError(f"{samconfig.name} has no stack_name for {config_env}: give --stack-name")
    stack = load(template, given, name)
    source = parse_yaml(template.read_text())
    defaults = {key: str(spec.get("Default")) for key, spec in source["Parameters"].items()}
    region = region or options.get("region", "")
    return Deployment(name, region, {**defaults, **given}, stack, source["Resources"])


def _sam_options(samconfig: Path, env: str, *, needed: bool) -> dict[str, Any]:
    """Return the options of `sam deploy`: the environment's global table, then its deploy table.

    An environment that the file lacks has no options, or is an error if it is `needed`.
    """
    try:
        config = tomllib.loads(samconfig.read_text())
    except OSError as error:
        raise KennelError(f"cannot read {samconfig}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise KennelError(f"{samconfig} is no TOML: {error}") from error
    environments = [key for key, value in config.items() if isinstance(value, dict)]
    if env not in environments:
        if not needed:
            return {}
        raise KennelError(
            f"{samconfig.name} has no environment {env}: it has {', '.join(environments)}; name "
            "one by --config-env"
        )
    tables = (config[env].get(name, {}).get("parameters", {}) for name in ("global", "deploy"))
    return {key: value for table in tables for key, value in table.items()}


def parse_parameters(given: str | Sequence[str]) -> dict[str, str]:
    """Parse Name=Value, one or several in a string, quoted as in a shell."""
    texts = [given] if isinstance(given, str) else given
    parameters = {}
    for text in texts:
        for part in shlex.split(text) if " " in text or '"' in text else [text]:
            name, sign, value = part.partition("=")
            if not sign:
                raise KennelError(f"a parameter is {part!r}: expected Name=Value")
            parameters[name] = value
    return parameters
