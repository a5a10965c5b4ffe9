"""Read a stack from CloudFormation, and make it or the offline cloud the target of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError

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


@dataclass(frozen=True)
class Target:
    """A stack to which models are released, on AWS or in the offline cloud.

    Attributes
    ----------
    outputs
        Of the stack.
    timeout_s, poll_s
        How long an execution is followed, and how often it is looked at.
    """

    connect: Connect
    outputs: Mapping[str, str]
    api_url: str
    timeout_s: float = 300.0
    poll_s: float = 0.2

    @property
    def bucket(self) -> str:
        """The stack's bucket."""
        return self.outputs["BucketName"]

    @property
    def machine(self) -> str:
        """ARN of the state machine that releases."""
        return self.outputs["StateMachineArn"]

    @property
    def endpoint(self) -> str:
        """Name of the endpoint."""
        return self.outputs["EndpointName"]


def offline_target(url: str, outputs: Mapping[str, str], api_url: str) -> Target:
    """Return the stack of the offline cloud at `url` as a target."""
    return Target(lambda service: client(service, url), outputs, api_url)


def target_of(connect: Connect, stack_name: str) -> Target:
    """Return a stack on AWS as a target.

    Raises
    ------
    KennelError
        If there is no such stack, or its first deployment is not complete.
    """
    stack = find_stack(connect, stack_name)
    if stack is None:
        raise KennelError(f"there is no stack {stack_name}: `sam deploy` deploys it")
    if missing := {"ApiUrl", "BucketName", "EndpointName", "StateMachineArn"} - set(stack.outputs):
        raise KennelError(
            f"the stack {stack_name} is {stack.status} and has no output "
            f"{', '.join(sorted(missing))}: `sam deploy` deploys Kennel's template"
        )
    return Target(connect, stack.outputs, stack.outputs["ApiUrl"], 3 * 3600.0, 5.0)


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
