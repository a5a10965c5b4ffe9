import pytest

from kennel.cloud.iam.identity import (
    INTERPRETER_KEY,
    OPERATOR_KEY,
    Access,
    AccessDenied,
    Signature,
    UnknownCaller,
)
from kennel.cloud.iam.policy import read_role

INVOKE = "sagemaker:InvokeEndpoint"
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel"


@pytest.fixture
def access() -> Access:
    def role(name: str, action: str) -> tuple[str, object]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        policy = {"PolicyDocument": {"Statement": [statement]}}
        return name, read_role(f"kennel-{name}", {"Policies": [policy]})

    roles = dict([role("ClassifyRole", INVOKE), role("MachineRole", "lambda:InvokeFunction")])
    return Access(roles, ("MachineRole",))  # type: ignore[arg-type]


def test_a_function_has_its_own_roles_rights(access: Access) -> None:
    access.check("ClassifyRole", INVOKE, ENDPOINT)
    with pytest.raises(
        AccessDenied,
        match=f"assumed-role/kennel-ClassifyRole/offline is not authorized.*{ENDPOINT}",
    ):
        access.check("ClassifyRole", "sagemaker:DeleteEndpoint", ENDPOINT)


def test_the_interpreter_has_the_state_machines_rights(access: Access) -> None:
    access.check(INTERPRETER_KEY, "lambda:InvokeFunction", "arn:aws:lambda:::function:f")
    with pytest.raises(AccessDenied):
        access.check(INTERPRETER_KEY, INVOKE, ENDPOINT)


def test_the_operator_may_all_and_a_stranger_nothing(access: Access) -> None:
    access.check(OPERATOR_KEY, "sagemaker:DeleteEndpoint", ENDPOINT)
    with pytest.raises(UnknownCaller):
        access.check("AKIASTRANGER", INVOKE, ENDPOINT)


def test_a_signature_names_caller_and_service() -> None:
    value = (
        "AWS4-HMAC-SHA256 Credential=ClassifyRole/20261122/us-east-1/sagemaker/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    assert Signature.read({"authorization": value}) == Signature("ClassifyRole", "sagemaker")
    assert Signature.read({"authorization": "Bearer x"}) is None
    assert Signature.read({}) is None
