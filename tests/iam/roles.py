"""The roles of a template with every parameter and reference resolved."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.cloudformation.template import Stack, load
from tests.stack import TEMPLATE, WORKBENCH

__all__ = ["ACCOUNT", "ENDPOINT_NAME", "KEEPING", "SETTINGS", "Roles", "as_list", "read"]

#: Parameters with which every role and every statement of both templates exists.
SETTINGS = {
    "KeepData": "false",
    "VpcSubnets": "subnet-0,subnet-1",
    "VpcSecurityGroups": "sg-0",
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdee",
    "ApiAccessLogs": "yes",
    "EndpointName": "kennel",
    "BucketName": "kennel-bucket",
    "ImageAccount": "763104351884",
    "TrainingMachineSubnet": "subnet-0",
    "TrainingMachineVpc": "vpc-0",
    "TrainingMachineSource": "0123456789abcdef0123",
}
#: The default, with which RemovalRole may not delete the bucket.
KEEPING = {**SETTINGS, "KeepData": "true"}
STACK_NAME = "kennel"
ENDPOINT_NAME = "kennel"


@dataclass(frozen=True)
class Roles:
    """The roles of a template, as IAM has them.

    Attributes
    ----------
    properties
        Of each AWS::IAM::Role, by logical id, resolved.
    arns
        ARN of every resource of both templates, by logical id.
    """

    properties: dict[str, dict[str, Any]]
    arns: dict[str, str]

    def policy(self, role: str) -> dict[str, Any]:
        """Return a role's statements as one policy document."""
        return {"Version": "2012-10-17", "Statement": self.statements(role)}

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return a role's statements, `Action` and `Resource` always as lists."""
        return [
            {
                **each,
                **{key: as_list(each[key]) for key in ("Action", "Resource") if key in each},
            }
            for policy in self.properties[role].get("Policies", [])
            for each in as_list(policy["PolicyDocument"]["Statement"])
        ]

    def actions(self, role: str) -> set[str]:
        """Return every action that a role's statements allow, as written."""
        return {
            action
            for each in self.statements(role)
            if each["Effect"] == "Allow"
            for action in each.get("Action", [])
        }


def read(template: Path, settings: Mapping[str, str] = SETTINGS) -> Roles:
    """Resolve a template with the `settings` that it declares as parameters."""
    stack = _load(template, settings)
    return Roles(
        {each.logical_id: each.properties for each in stack.of_type("AWS::IAM::Role")},
        {**_arns(), **{key: each.arn for key, each in stack.resources.items()}},
    )


def _load(template: Path, settings: Mapping[str, str]) -> Stack:
    declared = yaml_parse(template.read_text())["Parameters"]
    chosen = {key: value for key, value in settings.items() if key in declared}
    return load(template, chosen, STACK_NAME)


@functools.cache
def _arns() -> dict[str, str]:
    stacks = [_load(template, SETTINGS) for template in (TEMPLATE, WORKBENCH)]
    return {key: each.arn for stack in stacks for key, each in stack.resources.items()}


def as_list(value: Any) -> list[Any]:
    """Return a list; IAM allows a single item instead of a list of one."""
    return value if isinstance(value, list) else [value]
