import asyncio
from dataclasses import replace

import pytest

from kennel.cloud.iam.identity import INTERPRETER_KEY, OPERATOR_KEY, Identities, UnknownCaller
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.policy import RequiredPermission, Role, read_role
from kennel.cloud.iam.requests import ApiCall

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/kennel"
INVOKE = RequiredPermission("sagemaker:InvokeEndpoint", ENDPOINT)
DELETE = RequiredPermission("sagemaker:DeleteEndpoint", ENDPOINT)
FUNCTION = RequiredPermission("lambda:InvokeFunction", "arn:aws:lambda:::function:f")


def role(name: str, action: str) -> Role:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return read_role(f"kennel-{name}", {"Policies": [{"PolicyDocument": {"Statement": statement}}]})


IDENTITIES = Identities(
    {
        "ClassifyRole": role("ClassifyRole", "sagemaker:InvokeEndpoint"),
        "RemovalRole": role("RemovalRole", "sagemaker:DeleteEndpoint"),
        "MachineRole": replace(
            role("MachineRole", "lambda:InvokeFunction"),
            arn="arn:aws:iam::123456789012:role/machine",
        ),
    },
)
IDENTITIES.interpreter.add("arn:aws:iam::123456789012:role/machine")


def call(operation: str, caller: str) -> ApiCall:
    return ApiCall("sagemaker", operation, {"EndpointName": "kennel"}, caller)


def test_a_function_has_its_own_roles_permissions() -> None:
    authorizer = Authorizer(IDENTITIES)
    authorizer.check("ClassifyRole", INVOKE)
    words = f"assumed-role/kennel-ClassifyRole/offline is not authorized.*{ENDPOINT}"
    with pytest.raises(AccessDenied, match=words):
        authorizer.check("ClassifyRole", DELETE)
    assert not authorizer.allows("ClassifyRole", DELETE)


def test_the_interpreter_has_the_state_machines_permissions() -> None:
    authorizer = Authorizer(IDENTITIES)
    assert authorizer.allows(INTERPRETER_KEY, FUNCTION)
    assert not authorizer.allows(INTERPRETER_KEY, INVOKE)


def test_the_operator_has_every_permission_and_a_stranger_none() -> None:
    authorizer = Authorizer(IDENTITIES)
    assert authorizer.allows(OPERATOR_KEY, DELETE)
    with pytest.raises(UnknownCaller):
        authorizer.check("AKIASTRANGER", INVOKE)
    with pytest.raises(UnknownCaller):
        authorizer.identify("AKIASTRANGER")


def test_a_call_needs_what_its_service_adds_as_things_are_now() -> None:
    async def dependent(call: ApiCall) -> list[RequiredPermission]:
        return [FUNCTION]

    delete = call("DeleteEndpoint", "RemovalRole")
    asyncio.run(Authorizer(IDENTITIES).authorize(delete))
    with pytest.raises(AccessDenied, match="lambda:InvokeFunction"):
        asyncio.run(Authorizer(IDENTITIES, dependent={"sagemaker": dependent}).authorize(delete))
    operators = call("DeleteEndpoint", OPERATOR_KEY)
    asyncio.run(Authorizer(IDENTITIES, dependent={"sagemaker": dependent}).authorize(operators))


def test_permissions_that_were_used_are_reported() -> None:
    used: list[tuple[str, RequiredPermission]] = []
    authorizer = Authorizer(IDENTITIES, on_authorised=lambda *each: used.append(each))
    asyncio.run(authorizer.authorize(call("DeleteEndpoint", "RemovalRole")))
    with pytest.raises(AccessDenied):
        asyncio.run(authorizer.authorize(call("DeleteEndpoint", "ClassifyRole")))
    assert used == [("RemovalRole", DELETE)]
