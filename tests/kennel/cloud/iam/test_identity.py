import pytest

from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.iam.identity import INTERPRETER_KEY, OPERATOR_KEY, Identities, UnknownCaller

ACCOUNT = "123456789012"


def resource(logical_id: str, kind: str, **properties: str) -> Resource:
    return Resource(logical_id, kind, f"stack-{logical_id}", f"arn:{logical_id}", properties)


@pytest.fixture
def identities() -> Identities:
    resources = [
        resource("ClassifyRole", "AWS::IAM::Role"),
        resource("MachineRole", "AWS::IAM::Role"),
        resource("Classify", "AWS::Lambda::Function", Role="arn:ClassifyRole"),
        resource("Machine", "AWS::StepFunctions::StateMachine", RoleArn="arn:MachineRole"),
    ]
    return Identities.of_stack(Stack("stack", {each.logical_id: each for each in resources}, {}))


def test_a_key_stands_for_its_roles(identities: Identities) -> None:
    assert set(identities.roles_of("ClassifyRole")) == {"ClassifyRole"}
    assert set(identities.roles_of(INTERPRETER_KEY)) == {"MachineRole"}
    assert set(identities.roles_of(OPERATOR_KEY)) == set()
    with pytest.raises(UnknownCaller):
        identities.roles_of("AKIASTRANGER")


def test_a_functions_session_has_the_functions_name(identities: Identities) -> None:
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role"
    assert identities.session_arn("ClassifyRole") == f"{session}/stack-ClassifyRole/stack-Classify"
    assert identities.session_arn("MachineRole") == f"{session}/stack-MachineRole/offline"
