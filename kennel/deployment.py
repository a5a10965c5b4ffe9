"""What `sam deploy` would make with these settings: stack name, region, parameters, resources.

The settings come from samconfig.toml, as SAM reads it: a table for each environment, and
parameters given on the command line replace the file's whole list.
"""

import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from kennel.cloud.cloudformation.template import Stack, load
from kennel.errors import KennelError
from kennel.paths import ROOT, TEMPLATE

SAMCONFIG = ROOT / "samconfig.toml"

#: Types whose names the template may choose, and the property that holds it.
_NAMED = {
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
}


@dataclass(frozen=True)
class Deployment:
    """A stack before it is deployed.

    Attributes
    ----------
    region
        As samconfig.toml or the command line says; empty where both leave it to AWS's own
        configuration.
    parameters
        All of the template's, with its defaults where nothing else was said.
    stack
        The resources that these parameters come to. Names that CloudFormation makes up are
        placeholders in it.
    declared
        The template as it is written, by logical id: it shows which names were chosen.
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

    def chosen_names(self, kind: str) -> dict[str, str]:
        """Return the names that the template itself chooses for resources of a type."""
        return {
            each.logical_id: each.name
            for each in self.stack.of_type(kind)
            if _NAMED[kind] in self.declared[each.logical_id].get("Properties", {})
        }

    def number(self, parameter: str) -> int:
        """Return a parameter of type Number."""
        return int(float(self.parameters[parameter]))


def read(
    config_env: str | None = "default",
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
        Environment of samconfig.toml; None for the template's own defaults, which is what
        `kennel up` runs.

    Raises
    ------
    KennelError
        For an unknown environment, a file that cannot be read, or a parameter that the
        template refuses.
    """
    settings = _settings(samconfig, config_env) if config_env else {"stack_name": "kennel"}
    chosen = _pairs(overrides or settings.get("parameter_overrides", []))
    name = stack_name or settings.get("stack_name", "")
    if not name:
        raise KennelError(f"{samconfig.name} has no stack_name for {config_env}: give --stack-name")
    stack = load(template, chosen, name)
    source = yaml_parse(template.read_text())
    defaults = {key: str(spec.get("Default")) for key, spec in source["Parameters"].items()}
    where = region or settings.get("region", "")
    return Deployment(name, where, {**defaults, **chosen}, stack, source["Resources"])


def _settings(file: Path, env: str) -> dict[str, Any]:
    """Return what SAM would use for `sam deploy`: the environment's global table, then its own."""
    try:
        known = tomllib.loads(file.read_text())
    except OSError as error:
        raise KennelError(f"cannot read {file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise KennelError(f"{file} is no TOML: {error}") from error
    environments = [key for key, value in known.items() if isinstance(value, dict)]
    if env not in environments:
        raise KennelError(f"{file.name} has no environment {env}: it has {', '.join(environments)}")
    tables = (known[env].get(part, {}).get("parameters", {}) for part in ("global", "deploy"))
    return {key: value for table in tables for key, value in table.items()}


def _pairs(given: str | Sequence[str]) -> dict[str, str]:
    """Read Key=Value, one or several in a string, quoted as a shell would have it."""
    texts = [given] if isinstance(given, str) else given
    pairs = {}
    for text in texts:
        for part in shlex.split(text) if " " in text or '"' in text else [text]:
            key, sign, value = part.partition("=")
            if not sign:
                raise KennelError(f"a parameter is {part!r}: expected Name=Value")
            pairs[key] = value
    return pairs
