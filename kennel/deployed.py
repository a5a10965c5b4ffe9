"""Read from CloudFormation what exists of a stack in the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient


@dataclass(frozen=True)
class DeployedStack:
    """A stack that CloudFormation knows.

    Attributes
    ----------
    status
        CloudFormation's, such as UPDATE_COMPLETE.
    parameters, outputs
        As of its last deployment.
    physical
        Names of its resources by logical id.
    """

    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    physical: Mapping[str, str]

    def name(self, logical_id: str) -> str:
        """Return a resource's name; CloudFormation gives an ARN for some of them."""
        return self.physical[logical_id].rpartition("model-package-group/")[2]

    @property
    def names(self) -> set[str]:
        """Names of all its resources."""
        return {self.name(logical_id) for logical_id in self.physical}


def find_stack(connect: Connect, stack_name: str) -> DeployedStack | None:
    """Return the stack of this name, or None if there is none."""
    cloudformation: CloudFormationClient = connect("cloudformation")
    try:
        (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no error code of its own for a stack that does not exist.
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    return DeployedStack(
        stack["StackStatus"],
        {
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in stack.get("Parameters", [])
        },
        {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource.get("PhysicalResourceId")
            and "DELETE_COMPLETE" not in resource["ResourceStatus"]
        },
    )
