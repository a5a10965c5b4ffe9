"""Read a SAM or CloudFormation template, with the values of its parameters.

SAM's own transform (aws-sam-translator) turns a SAM template into CloudFormation's form; then the
intrinsic functions are resolved, each resource's when it is asked for.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.intrinsics import ImportValue, Resolver
from kennel.cloud.cloudformation.local_code import with_local_code
from kennel.cloud.cloudformation.names import ACCOUNT, REGION, Created, Names
from kennel.cloud.cloudformation.order import in_order
from kennel.cloud.cloudformation.parameters import parameter_values
from kennel.cloud.cloudformation.resource_types import kind_of
from kennel.cloud.cloudformation.rules import broken_rules
from kennel.cloud.cloudformation.yaml_text import parse_yaml
from kennel.errors import CannotStart

Json = dict[str, Any]
_TRANSFORM = "AWS::Serverless-2016-10-31"


@dataclass(frozen=True)
class Resource:
    """One resource of the transformed template, its properties resolved.

    Attributes
    ----------
    name, arn
        Its physical id (for most types its name) and its ARN. A resource whose id AWS generates
        (an instance, a security group) has a placeholder until it is created.
    needs
        Logical ids of what must exist before it: its references and its DependsOn.
    deletion_policy, replace_policy
        CloudFormation's own words: Delete, Retain, RetainExceptOnCreate or Snapshot.
    attributes
        What its creation answered for Fn::GetAtt.
    """

    logical_id: str
    type: str
    name: str
    arn: str
    properties: dict[str, Any]
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """The resources that `sam deploy` would create, by logical id, and the outputs."""

    name: str
    resources: dict[str, Resource]
    outputs: dict[str, str]

    def of_type(self, type_name: str) -> list[Resource]:
        """Return the resources of one type, in the template's order."""
        return [each for each in self.resources.values() if each.type == type_name]


class Template:
    """A template for one stack, with the values of its parameters.

    Parameters
    ----------
    source
        As written, parsed.
    values
        Of all its parameters.
    stack_name, stack_id
        Of the stack; without an id the ARN ends in "offline".
    import_value
        Returns what another stack exports.

    Attributes
    ----------
    declared
        The resources whose conditions hold, transformed, by logical id.
    created
        What is known of resources that exist; it changes how others are resolved.
    text, parameters
        As they are given, for the stack's description.

    Raises
    ------
    CannotStart
        When SAM refuses it, or the values break one of its rules.
    """

    def __init__(
        self,
        source: Json,
        values: Mapping[str, str],
        stack_name: str,
        stack_id: str = "",
        import_value: ImportValue | None = None,
    ) -> None:
        self.source = source
        self.values = dict(values)
        self.stack_name = stack_name
        self.transformed = _transformed(source, self.values)
        self._resources: Json = self.transformed.get("Resources") or {}
        if not self._resources:
            raise CannotStart("the template has no resources, expected at least one")
        self.text = ""
        self.parameters = dict(values)
        self.created: dict[str, Created] = {}
        self._names = Names(self._resources, stack_name, self.created)
        self._resolver = self._names.resolver = Resolver(
            self._names.reference,
            self._names.attribute,
            {**_pseudo(stack_name, stack_id), **_lists(source, self.values)},
            self.transformed.get("Conditions") or {},
            self.transformed.get("Mappings") or {},
            import_value=import_value,
        )
        if broken := list(broken_rules(source.get("Rules") or {}, self._resolver.is_true)):
            raise CannotStart(f"Template error: {' '.join(broken)}")
        self.declared = self._wanted("Resources")

    def unknown_types(self) -> list[str]:
        """Return the resource types that the offline cloud does not know."""
        types = {str(each["Type"]) for each in self.declared.values()}
        return sorted(each for each in types if kind_of(each) is None)

    def in_order(self) -> list[str]:
        """Return the logical ids, each after those that its resource needs.

        Raises
        ------
        CannotStart
            When resources need each other in a cycle.
        """
        return in_order({name: self._needs(name) for name in self.declared})

    def note_existing(
        self, resources: Mapping[str, Resource], generations: Mapping[str, int]
    ) -> None:
        """Resolve references to these resources by their physical ids and attributes.

        Parameters
        ----------
        generations
            How often each was replaced, by logical id.
        """
        for name, each in resources.items():
            if name in self.declared:
                self.created[name] = Created(each.name, each.attributes, generations.get(name, 0))

    def resource(self, logical_id: str) -> Resource:
        """Return a resource with its properties as they can be resolved now."""
        declaration = self.declared[logical_id]
        return Resource(
            logical_id,
            declaration["Type"],
            self._names.name(logical_id),
            self._names.arn(logical_id),
            self._resolver.resolve(declaration.get("Properties") or {}),
            needs=self._needs(logical_id),
            deletion_policy=declaration.get("DeletionPolicy", "Delete"),
            replace_policy=declaration.get("UpdateReplacePolicy", "Delete"),
        )

    def outputs(self) -> dict[str, dict[str, str]]:
        """Return the outputs: Value, and Description and Export where they are given."""
        outputs = {}
        for name, output in self._wanted("Outputs").items():
            outputs[name] = {"Value": str(self._resolver.resolve(output["Value"]))}
            if "Description" in output:
                outputs[name]["Description"] = str(output["Description"])
            if "Export" in output:
                outputs[name]["Export"] = str(self._resolver.resolve(output["Export"]["Name"]))
        return outputs

    def stack(self) -> Stack:
        """Return all resources and outputs as they can be resolved now."""
        resources = {name: self.resource(name) for name in self.declared}
        outputs = {name: each["Value"] for name, each in self.outputs().items()}
        return Stack(self.stack_name, resources, outputs)

    def _wanted(self, section: str) -> Json:
        return {
            key: each
            for key, each in (self.transformed.get(section) or {}).items()
            if "Condition" not in each or self._resolver.holds(each["Condition"])
        }

    def _needs(self, logical_id: str) -> frozenset[str]:
        """Return the resources that one names: in DependsOn, Ref, Fn::GetAtt and Fn::Sub."""
        resource = self.declared[logical_id]
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
                    elif key == "Fn::If":
                        walk(value[1 if self._resolver.holds(value[0]) else 2])
                        continue
                    walk(value)

        walk(resource.get("Properties") or {})
        return frozenset(named & set(self.declared) - {logical_id})


def creation_order(resources: Mapping[str, Resource]) -> list[str]:
    """Return the logical ids, each after those that its resource needs."""
    return in_order({name: each.needs for name, each in resources.items()})


def read_template(text: str, origin: str) -> Json:
    """Parse a template's text.

    Parameters
    ----------
    what
        What the text is, for the error: a file's name.

    Raises
    ------
    CannotStart
        For what is neither YAML nor JSON, or has no resources.
    """
    try:
        # JSON is YAML, but its own reader is a hundred times faster.
        source = json.loads(text) if text.lstrip().startswith("{") else parse_yaml(text)
    except Exception as error:
        raise CannotStart(f"{origin} is neither YAML nor JSON: {error}") from error
    if not isinstance(source, dict) or not isinstance(source.get("Resources"), dict):
        raise CannotStart(f"{origin} is no template: expected a mapping with Resources")
    for name, each in source["Resources"].items():
        if not isinstance(each, dict) or "Type" not in each:
            raise CannotStart(f"{origin} has the resource {name} without a Type")
    # YAML reads an unquoted 2012-10-17 as a date, and a key of a mapping as a number.
    return dict(json.loads(json.dumps(source, default=str)))


def read_file(path: Path) -> Json:
    """Parse a template's file; local code and definitions become references to this machine."""
    try:
        text = path.read_text()
    except OSError as error:
        raise CannotStart(f"cannot read the template {path}: {error.strerror}") from error
    return with_local_code(read_template(text, path.name), path.parent)


def load(path: Path, parameters: Mapping[str, str], stack_name: str) -> Stack:
    """Read a template from `path` as a stack that does not exist yet.

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
    source = read_file(path)
    template = Template(source, parameter_values(source, parameters), stack_name)
    if unknown := template.unknown_types():
        raise CannotStart(
            f"the offline cloud neither runs nor knows to leave alone {', '.join(unknown)}: "
            "add it to kennel/cloud/cloudformation/resource_types.py"
        )
    return template.stack()


def _transformed(source: Json, values: Mapping[str, str]) -> Json:
    """Return a template in CloudFormation's form; SAM's transform changes what it is given."""
    transforms = source.get("Transform", [])
    named = transforms if isinstance(transforms, list) else [transforms]
    if others := [each for each in named if each != _TRANSFORM]:
        raise CannotStart(f"the template has the transform {others[0]}, expected {_TRANSFORM} only")
    if not named:
        return source
    # Slow to import, and most commands read no template.
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415
    from samtranslator.translator.transform import transform  # noqa: PLC0415

    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the transform asks boto3 for one
    logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns of its own toggles
    try:
        return dict(transform(_copied(source), dict(values), _BundledPolicies()))
    except InvalidDocumentException as error:
        raise CannotStart(f"SAM refuses the template: {error.message}") from error


def _copied(fragment: Any) -> Any:
    """Return a copy whose mappings and lists are its own; the parser's classes are left out."""
    if isinstance(fragment, dict):
        return {key: _copied(value) for key, value in fragment.items()}
    return [_copied(each) for each in fragment] if isinstance(fragment, list) else fragment


class _BundledPolicies:
    """No managed policies but those whose ARNs the transform brings itself."""

    def load(self) -> dict[str, str]:
        return {}


def _pseudo(stack_name: str, stack_id: str) -> Json:
    arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/offline"
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Region": REGION,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": [],
        "AWS::StackName": stack_name,
        "AWS::StackId": stack_id or arn,
    }


def _lists(source: Json, values: Mapping[str, str]) -> Json:
    """Return the values, those of a list's type as lists."""
    declared = source.get("Parameters") or {}
    return {
        name: value.split(",")
        if str(declared.get(name, {}).get("Type", "")).startswith(("CommaDelimited", "List<"))
        else value
        for name, value in values.items()
    }
