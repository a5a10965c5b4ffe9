"""Read a SAM template as a stack of resources whose properties are resolved.

SAM's own transform (aws-sam-translator) turns the template into CloudFormation's form; then the
intrinsic functions are resolved with the parameters given.
"""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from kennel.cloud.cloudformation.intrinsics import Resolver
from kennel.cloud.cloudformation.names import ACCOUNT, REGION, Names
from kennel.cloud.cloudformation.resource_types import kind_of
from kennel.errors import CannotStart


@dataclass(frozen=True)
class Resource:
    """One resource of the transformed template, its properties resolved.

    Attributes
    ----------
    name, arn
        A resource whose id AWS generates (an instance, a security group) has a placeholder as its
        name; `stack.py` puts the id in its place once it is created.
    needs
        Logical ids of what must exist before it: its references and its DependsOn.
    deletion_policy
        CloudFormation's own word: Delete, Retain or RetainExceptOnCreate.
    """

    logical_id: str
    type: str
    name: str
    arn: str
    properties: dict[str, Any]
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"


@dataclass(frozen=True)
class Stack:
    """The resources that `sam deploy` would create, by logical id, and the outputs."""

    name: str
    resources: dict[str, Resource]
    outputs: dict[str, str]

    def of_type(self, type_name: str) -> list[Resource]:
        """Return the resources of one type, in the template's order."""
        return [each for each in self.resources.values() if each.type == type_name]

    def only(self, type_name: str) -> Resource:
        """Return the one resource of a type; the offline cloud serves one API, one bucket..."""
        resources = self.of_type(type_name)
        if len(resources) != 1:
            raise CannotStart(
                f"the template has {len(resources)} resources of {type_name}, expected 1"
            )
        return resources[0]


def load(path: Path, parameters: Mapping[str, str], stack_name: str) -> Stack:
    """Read a SAM template from `path`.

    Parameters
    ----------
    parameters
        Overrides of the template's defaults, as `sam deploy --parameter-overrides` takes them.

    Raises
    ------
    CannotStart
        When the template cannot be read, a parameter is unknown or missing, or a resource has a
        type that is not in resource_types.py.
    """
    # Slow to import, and most commands read no template.
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415
    from samtranslator.translator.transform import transform  # noqa: PLC0415

    try:
        source = yaml_parse(path.read_text())
    except OSError as error:
        raise CannotStart(f"cannot read the template {path}: {error.strerror}") from error
    values = _parameter_values(source, parameters)
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the transform asks boto3 for one
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of its own toggles
    try:
        template = transform(_with_local_code(source, path.parent), values, _NoManagedPolicies())
    except InvalidDocumentException as error:
        raise CannotStart(f"SAM refuses {path.name}: {error.message}") from error
    return _resolve(template, values, stack_name)


class _NoManagedPolicies:
    """No managed policies: a template has to write its policies out."""

    def load(self) -> dict[str, str]:
        return {}


def _parameter_values(source: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, str]:
    declared = source.get("Parameters", {})
    if unknown := sorted(set(overrides) - set(declared)):
        raise CannotStart(
            f"unknown template parameter {', '.join(unknown)}: known are {', '.join(declared)}"
        )
    values = {}
    for name, spec in declared.items():
        value = overrides.get(name, spec.get("Default"))
        if value is None:
            raise CannotStart(f"the template parameter {name} has no default: give it a value")
        values[name] = str(value)
        _check_allowed(name, values[name], spec)
    return values


def _check_allowed(name: str, value: str, spec: Mapping[str, Any]) -> None:
    """Check a parameter's value against its allowed values, pattern and range."""
    allowed = [str(item) for item in spec.get("AllowedValues", [])]
    problem = ""
    if allowed and value not in allowed:
        problem = f"expected one of {', '.join(allowed)}"
    elif "AllowedPattern" in spec and not re.fullmatch(spec["AllowedPattern"], value):
        problem = spec.get("ConstraintDescription", f"expected {spec['AllowedPattern']}")
    elif spec.get("Type") == "Number":
        low, high = spec.get("MinValue", float("-inf")), spec.get("MaxValue", float("inf"))
        try:
            inside = float(low) <= float(value) <= float(high)
        except ValueError:
            inside = False
        problem = "" if inside else f"expected a number from {low} to {high}"
    if problem:
        raise CannotStart(f"template parameter {name} is {value!r}: {problem}")


def _with_local_code(source: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Replace local paths by S3 URIs, as `sam package` does: the transform takes no paths."""
    uploaded = {
        "AWS::Serverless::Function": "CodeUri",
        "AWS::Serverless::LayerVersion": "ContentUri",
    }
    for logical_id, resource in source["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] in uploaded:
            properties[uploaded[resource["Type"]]] = f"s3://here/{logical_id}"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties["DefinitionUri"] = f"s3://here{folder / properties['DefinitionUri']}"
    return source


def _resolve(template: dict[str, Any], values: dict[str, str], stack_name: str) -> Stack:
    declared: dict[str, Any] = template["Resources"]
    types = {each["Type"] for each in declared.values()}
    unknown = sorted(each for each in types if kind_of(each) is None)
    if unknown:
        raise CannotStart(
            f"the offline cloud neither runs nor knows to leave alone {', '.join(unknown)}: "
            "add it to kennel/cloud/cloudformation/resource_types.py"
        )
    pseudo = {
        "AWS::AccountId": ACCOUNT,
        "AWS::Region": REGION,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack_name,
        "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/offline",
    }
    names = Names(declared, stack_name)
    resolver = names.resolver = Resolver(
        names.reference,
        names.attribute,
        {**pseudo, **values},
        template.get("Conditions", {}),
        template.get("Mappings", {}),
    )

    def wanted(section: str) -> dict[str, Any]:
        return {
            key: each
            for key, each in template.get(section, {}).items()
            if "Condition" not in each or resolver.holds(each["Condition"])
        }

    resources = {
        logical_id: Resource(
            logical_id,
            each["Type"],
            names.name(logical_id),
            names.arn(logical_id),
            resolver.resolve(each.get("Properties", {})),
            needs=_needs(logical_id, each, set(declared)),
            deletion_policy=each.get("DeletionPolicy", "Delete"),
        )
        for logical_id, each in wanted("Resources").items()
    }
    outputs = {key: str(resolver.resolve(each["Value"])) for key, each in wanted("Outputs").items()}
    return Stack(stack_name, resources, outputs)


def _needs(logical_id: str, resource: Mapping[str, Any], declared: set[str]) -> frozenset[str]:
    """Return the resources that one names: in DependsOn, Ref, Fn::GetAtt and Fn::Sub."""
    explicit = resource.get("DependsOn", [])
    named = {explicit} if isinstance(explicit, str) else set(explicit)

    def walk(fragment: Any) -> None:
        if isinstance(fragment, list):
            for item in fragment:
                walk(item)
        elif isinstance(fragment, dict):
            for key, value in fragment.items():
                if key == "Ref":
                    named.add(str(value))
                elif key == "Fn::GetAtt":
                    named.add(value.split(".")[0] if isinstance(value, str) else str(value[0]))
                elif key == "Fn::Sub":
                    text = value if isinstance(value, str) else value[0]
                    named.update(re.findall(r"\$\{([A-Za-z0-9]+)[.}]", text))
                walk(value)

    walk(resource.get("Properties", {}))
    return frozenset(named & declared - {logical_id})
