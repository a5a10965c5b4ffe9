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
ROLE = "arn:aws:iam::123456789012:role"
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
            arn=f"{ROLE}/machine",
        ),
    },
)
IDENTITIES.interpreter.add(f"{ROLE}/machine")


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


def test_a_refusal_says_who_asked_and_which_rule_refused() -> None:
    deny = {"Effect": "Deny", "Action": "sagemaker:Delete*", "Resource": "*"}
    denying = read_role("kennel-R", {"Policies": [{"PolicyDocument": {"Statement": deny}}]})
    identities = Identities({"R": denying, "A": replace(role("A", "s3:*"), arn=f"{ROLE}/a")})
    with pytest.raises(AccessDenied) as refused:
        Authorizer(identities).check("R", DELETE)
    assert str(refused.value).endswith(
        f"/kennel-R/offline is not authorized to perform: sagemaker:DeleteEndpoint on resource: "
        f"{ENDPOINT} with an explicit deny in an identity-based policy"
    )
    with pytest.raises(AccessDenied) as refused:
        Authorizer(identities).check("A", DELETE)
    assert str(refused.value).endswith(
        "because no identity-based policy allows the sagemaker:DeleteEndpoint action"
    )


def test_a_refusal_of_the_interpreter_names_each_state_machines_role() -> None:
    names = ("one", "two")
    machines = {each: replace(role(each, "s3:*"), arn=f"{ROLE}/{each}") for each in names}
    identities = Identities(machines)
    for machine in machines.values():
        identities.interpreter.add(machine.arn)
    words = "User: .*/kennel-one/offline or .*/kennel-two/offline is not authorized"
    with pytest.raises(AccessDenied, match=words):
        Authorizer(identities).check(INTERPRETER_KEY, DELETE)


def test_conditions_compare_what_the_permission_says_of_the_call() -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/team": "dogs"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": tagged}
    made = read_role("kennel-R", {"Policies": [{"PolicyDocument": {"Statement": statement}}]})
    authorizer = Authorizer(Identities({"R": made}))
    assert authorizer.allows("R", replace(DELETE, context={"aws:ResourceTag/team": "dogs"}))
    assert not authorizer.allows("R", replace(DELETE, context={"aws:ResourceTag/team": "cats"}))


@pytest.mark.parametrize(
    ("caller", "service", "count"),
    [
        (OPERATOR_KEY, "sagemaker", 1),
        (OPERATOR_KEY, "iam", 0),  # it is IAM's API that reads the roles
        ("RemovalRole", "sagemaker", 1),
    ],
)
def test_roles_are_read_again_before_a_call_is_checked(
    caller: str, service: str, count: int
) -> None:
    refreshed: list[None] = []

    async def refresh() -> None:
        refreshed.append(None)

    one = replace(call("DeleteEndpoint", caller), service=service)
    asyncio.run(Authorizer(IDENTITIES, refresh=refresh).authorize(one))
    assert len(refreshed) == count


def test_the_operator_has_every_permission_and_a_stranger_none() -> None:
    authorizer = Authorizer(IDENTITIES)
    assert authorizer.allows(OPERATOR_KEY, DELETE)
    with pytest.raises(UnknownCaller):
        authorizer.check("AKIASTRANGER", INVOKE)
    with pytest.raises(UnknownCaller):
        authorizer.identify("AKIASTRANGER")
    authorizer.identify("RemovalRole")


def test_a_call_needs_what_its_service_adds_as_things_are_now() -> None:
    async def dependent(call: ApiCall) -> list[RequiredPermission]:
        assert call is delete
        return [FUNCTION]

    delete = call("DeleteEndpoint", "RemovalRole")
    asyncio.run(Authorizer(IDENTITIES).authorize(delete))
    with pytest.raises(AccessDenied, match="lambda:InvokeFunction"):
        asyncio.run(Authorizer(IDENTITIES, dependent={"sagemaker": dependent}).authorize(delete))
    operators = call("DeleteEndpoint", OPERATOR_KEY)
    asyncio.run(Authorizer(IDENTITIES, dependent={"sagemaker": dependent}).authorize(operators))


def test_autoscaling_needs_the_configuration_that_the_endpoint_has_now() -> None:
    identities = Identities({"R": role("R", "*")})
    used: list[str] = []
    authorizer = Authorizer(
        identities,
        config_of={"kennel": "kennel-7"}.__getitem__,
        on_authorised=lambda _role, permission: used.append(permission.resource),
    )
    target = {"ResourceId": "endpoint/kennel/variant/AllTraffic"}
    one = ApiCall("application-autoscaling", "RegisterScalableTarget", target, "R")
    asyncio.run(authorizer.authorize(one))
    assert ENDPOINT.replace("endpoint/kennel", "endpoint-config/kennel-7") in used


def test_permissions_that_were_used_are_reported() -> None:
    used: list[tuple[str, RequiredPermission]] = []
    authorizer = Authorizer(IDENTITIES, on_authorised=lambda *each: used.append(each))
    asyncio.run(authorizer.authorize(call("DeleteEndpoint", "RemovalRole")))
    with pytest.raises(AccessDenied):
        asyncio.run(authorizer.authorize(call("DeleteEndpoint", "ClassifyRole")))
    assert used == [("RemovalRole", DELETE)]
