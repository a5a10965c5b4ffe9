"""What of a stack exists in the account, by CloudFormation's own word."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of


@dataclass(frozen=True)
class Deployed:
    """A stack that CloudFormation knows.

    Attributes
    ----------
    status
        CloudFormation's, such as UPDATE_COMPLETE.
    parameters, outputs
        As it was last deployed.
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


def find(connect: Connect, stack_name: str) -> Deployed | None:
    """Return the stack of this name, or None."""
    formation = connect("cloudformation")
    try:
        (stack,) = formation.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        # CloudFormation has no code of its own for what is not there.
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return Deployed(
        stack["StackStatus"],
        _pairs(stack.get("Parameters", []), "ParameterKey", "ParameterValue"),
        _pairs(stack.get("Outputs", []), "OutputKey", "OutputValue"),
        {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in formation.get_paginator("list_stack_resources").paginate(
                StackName=stack_name
            )
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId") and "DELETE_COMPLETE" not in each["ResourceStatus"]
        },
    )


def _pairs(items: list[dict[str, Any]], key: str, value: str) -> dict[str, str]:
    return {each[key]: each.get(value, "") for each in items}
