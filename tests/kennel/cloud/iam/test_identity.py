import pytest

from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.iam.identity import INTERPRETER_KEY, OPERATOR_KEY, Identities, UnknownCaller
from kennel.cloud.iam.policy import Role

ACCOUNT = "123456789012"


def resource(logical_id: str, kind: str) -> Resource:
    return Resource(logical_id, kind, f"stack-{logical_id}", f"arn:{logical_id}", {})


@pytest.fixture
def identities() -> Identities:
    resources = [
        resource("ClassifyRole", "AWS::IAM::Role"),
        resource("MachineRole", "AWS::IAM::Role"),
    ]
    deployed = DeployedResources()
    for each in resources:
        deployed.put("stack", each)
    made = Identities({}, deployed)
    roles = {"AROA1": "ClassifyRole", "AROA2": "MachineRole", "AROA3": "Another"}
    made.update({key: Role(f"stack-{name}", (), f"arn:{name}") for key, name in roles.items()})
    made.interpreter.add("arn:MachineRole")
    return made


def test_a_key_stands_for_its_roles(identities: Identities) -> None:
    assert set(identities.roles_of("ClassifyRole")) == {"ClassifyRole"}
    assert set(identities.roles_of("AROA3")) == {"AROA3"}  # of no template
    assert set(identities.roles_of(INTERPRETER_KEY)) == {"MachineRole"}
    assert set(identities.roles_of(OPERATOR_KEY)) == set()
    with pytest.raises(UnknownCaller):
        identities.roles_of("AKIASTRANGER")


def test_a_session_has_its_own_name(identities: Identities) -> None:
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role"
    identities.start_session("ASIA1", "ClassifyRole", "classify")
    assert identities.session_arn("ASIA1") == f"{session}/stack-ClassifyRole/classify"
    assert set(identities.roles_of("ASIA1")) == {"ASIA1"}
    assert identities.session_arn("MachineRole") == f"{session}/stack-MachineRole/offline"
