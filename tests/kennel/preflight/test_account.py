"""An account's limits: reserved concurrency, and the role with which API Gateway logs."""

import dataclasses
from typing import Any

import pytest

from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.deployed import DeployedStack
from kennel.deployment import Deployment, read
from kennel.preflight.account import concurrency, log_role
from kennel.preflight.findings import Level
from tests.kennel.conftest import clients, scripted


def limits(total: int, unreserved: int) -> tuple[str, Any]:
    limit = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}
    return "get_account_settings", {"AccountLimit": limit}


@pytest.mark.parametrize(
    ("total", "unreserved", "level"),
    [
        (1000, 1000, Level.FINE),
        (1000, 105, Level.FINE),  # 100 stay
        (1000, 104, Level.BLOCKS),
        (10, 10, Level.BLOCKS),  # a new account
        (50, 50, Level.BLOCKS),
    ],
)
def test_five_executions_can_be_reserved_or_not(total: int, unreserved: int, level: Level) -> None:
    deployment = read(None)
    connect = clients("", {"lambda": scripted("lambda", limits(total, unreserved))})
    (finding,) = concurrency(deployment, None, connect)
    assert finding.level is level
    if level is Level.BLOCKS:
        assert f"limit is {total}, {unreserved} are unreserved" in finding.found
        assert "ReservedConcurrency=0" in finding.remedy


def test_nothing_reserved_calls_nothing() -> None:
    deployment = read(None, ["ReservedConcurrency=0"])
    (finding,) = concurrency(deployment, None, clients("", {"lambda": scripted("lambda")}))
    assert finding.level is Level.FINE


def test_what_this_stack_has_reserved_already_is_its_own() -> None:
    physical = {"ClassifyFunction": "kennel-ClassifyFunction-1"}
    deployed = DeployedStack("UPDATE_COMPLETE", {}, {}, physical)
    answers = limits(1000, 100), ("get_function_concurrency", {"ReservedConcurrentExecutions": 5})
    (finding,) = concurrency(
        read(None), deployed, clients("", {"lambda": scripted("lambda", *answers)})
    )
    assert finding.level is Level.FINE
    deleted = limits(1000, 100), ("get_function_concurrency", "ResourceNotFoundException")
    (finding,) = concurrency(
        read(None), deployed, clients("", {"lambda": scripted("lambda", *deleted)})
    )
    assert finding.level is Level.BLOCKS


def with_api(*, logs: bool, brings_role: bool) -> Deployment:
    """A deployment whose stage writes logs or not, and whose stack makes the role or not."""
    deployment = read(None)
    resources = {}
    for logical_id, each in deployment.stack.resources.items():
        if each.type == "AWS::ApiGateway::Account":
            continue
        properties = dict(each.properties)
        if each.type == "AWS::ApiGateway::Stage":
            properties.pop("AccessLogSetting", None)
            properties["MethodSettings"] = [{"LoggingLevel": "INFO" if logs else "OFF"}]
        resources[logical_id] = dataclasses.replace(each, properties=properties)
    if brings_role:
        resources["A"] = Resource("A", "AWS::ApiGateway::Account", "A", "A", {})
    stack = Stack(deployment.stack.name, resources, deployment.stack.outputs)
    return dataclasses.replace(deployment, stack=stack)


@pytest.mark.parametrize(
    ("logs", "brings_role", "there", "level"),
    [
        (False, False, "", Level.FINE),
        (True, False, "arn:aws:iam::123456789012:role/logs", Level.FINE),
        (True, False, "", Level.BLOCKS),
        (True, True, "", Level.FINE),
        (True, True, "arn:aws:iam::123456789012:role/logs", Level.WARNS),  # it would be replaced
    ],
)
def test_role_that_api_gateway_logs_with(
    logs: bool, brings_role: bool, there: str, level: Level
) -> None:
    answer = {"cloudwatchRoleArn": there} if there else {}
    gateway = scripted("apigateway", ("get_account", answer))
    deployment = with_api(logs=logs, brings_role=brings_role)
    (finding,) = log_role(deployment, clients("", {"apigateway": gateway}))
    assert finding.level is level
    assert bool(finding.remedy) is (level is not Level.FINE)
