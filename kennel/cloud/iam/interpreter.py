"""The roles of state machines, with which moto's interpreter makes its calls."""

from typing import TYPE_CHECKING

from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.requests import ApiCall

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


def note_role(identities: Identities, call: ApiCall) -> None:
    """Let the interpreter have the role of a state machine that a call has made or changed."""
    if role := call.parameters.get("roleArn"):
        identities.interpreter.add(role)


def read_roles(identities: Identities, states: "SFNClient") -> None:
    """Let the interpreter have the roles of the state machines that survived a restart."""
    for page in states.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            arn = machine["stateMachineArn"]
            described = states.describe_state_machine(stateMachineArn=arn)
            identities.interpreter.add(described["roleArn"])
