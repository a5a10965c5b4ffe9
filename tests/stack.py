"""template.yaml for the tests: transformed by SAM, with readable references.

roles = of_type(transformed(), "AWS::IAM::Role")
plain(roles["ClassifyRole"])         # {"Fn::GetAtt": ["Bucket", "Arn"]} -> "${Bucket.Arn}"
"""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
WORKBENCH = ROOT / "workbench.yaml"

Resources = dict[str, dict[str, Any]]


def source() -> dict[str, Any]:
    """Return the template as written."""
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return parsed


@functools.cache
def transformed(text: str | None = None) -> dict[str, Any]:
    """Return the CloudFormation template that SAM generates from it, or from another text."""
    template: dict[str, Any] = yaml_parse(text) if text else source()
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"  # what `sam package` does
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = "s3://bucket/key"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the transform reads it from boto3
    result: dict[str, Any] = transform(template, {}, _NoManagedPolicies())
    return result


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def of_type(template: dict[str, Any], type_name: str) -> Resources:
    """Return the properties of the resources of one type, by logical id."""
    return {
        logical_id: resource.get("Properties", {})
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == type_name
    }


def plain(value: Any) -> Any:
    """Write references as ``${Name}`` and ``${Name.Attribute}``, like Fn::Sub."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": text}:
            return text
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a role's statements, with references readable."""
    for policy in role["Policies"]:
        yield from plain(policy["PolicyDocument"]["Statement"])


def as_list(value: str | list[str]) -> list[str]:
    """Return a list; IAM allows a string instead of a list of one."""
    return [value] if isinstance(value, str) else value
