"""Each role allows what its function's code calls, and nothing else.

The calls are read out of the code itself; what AWS checks beside them is listed here.
"""

import ast
import re
from typing import Any

import pytest

from tests.stack import ROOT, TEMPLATE, as_list, of_type, plain, statements, transformed

ROLES = of_type(transformed(), "AWS::IAM::Role")
FUNCTION_ROLES = {
    "ClassifyRole": "classify",
    "PageRole": "page",
    "PreflightRole": "preflight",
    "PublishBundleRole": "publish_bundle",
    "ReleaseRole": "release",
    "SmokeTestRole": "smoke_test",
    "ApplyAutoscalingRole": "apply_autoscaling",
}
LOGS_AND_TRACES = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
# What AWS checks of the caller, though the code never calls it.
DEPENDENT = {
    "ReleaseRole": {"sagemaker:AddTags", "iam:PassRole"},  # tags and a role in the create calls
    "ApplyAutoscalingRole": {  # of RegisterScalableTarget and PutScalingPolicy
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DeleteAlarms",
        "iam:CreateServiceLinkedRole",
    },
}
# AWS has no resource-level permissions for these (Service Authorization Reference).
NO_RESOURCE_LEVEL = LOGS_AND_TRACES - {"logs:CreateLogStream", "logs:PutLogEvents"} | {
    "application-autoscaling:DescribeScalableTargets",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}
# The methods of boto3's clients that the functions use, and the action each needs.
ACTION_OF = {
    "create_endpoint": "sagemaker:CreateEndpoint",
    "create_endpoint_config": "sagemaker:CreateEndpointConfig",
    "create_model": "sagemaker:CreateModel",
    "deregister_scalable_target": "application-autoscaling:DeregisterScalableTarget",
    "describe_endpoint": "sagemaker:DescribeEndpoint",
    "describe_endpoint_config": "sagemaker:DescribeEndpointConfig",
    "describe_model": "sagemaker:DescribeModel",
    "describe_scalable_targets": "application-autoscaling:DescribeScalableTargets",
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "invoke_endpoint": "sagemaker:InvokeEndpoint",
    "list_tags": "sagemaker:ListTags",
    "put_object": "s3:PutObject",
    "put_scaling_policy": "application-autoscaling:PutScalingPolicy",
    "register_scalable_target": "application-autoscaling:RegisterScalableTarget",
    "update_endpoint": "sagemaker:UpdateEndpoint",
}
CLIENT_VERBS = (
    *("create_", "delete_", "deregister_", "describe_", "get_object", "head_", "invoke_"),
    *("list_", "put_", "register_", "start_", "stop_", "update_endpoint"),
)


def allowed(role: str) -> set[str]:
    return {action for each in statements(ROLES[role]) for action in as_list(each["Action"])}


def calls_of(folder: str) -> set[str]:
    """Names of client methods that a function's code calls."""
    return {
        node.func.attr
        for file in (ROOT / "functions" / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith(CLIENT_VERBS)
    }


def test_classifier_may_ask_one_endpoint_log_and_trace() -> None:
    endpoint = (
        "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:endpoint/${EndpointName}"
    )
    assert list(statements(ROLES["ClassifyRole"])) == [
        {
            "Sid": "AskTheEndpoint",
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": endpoint,
        },
        {
            "Sid": "WriteOwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "${ClassifyLogGroup.Arn}",
        },
        {
            "Sid": "SendTraces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        },
    ]


@pytest.mark.parametrize(("role", "folder"), FUNCTION_ROLES.items())
def test_role_allows_what_the_code_calls_and_no_more(role: str, folder: str) -> None:
    calls = calls_of(folder)
    assert calls <= set(ACTION_OF), "a call that this test does not know: add its action"
    needed = {ACTION_OF[call] for call in calls} | DEPENDENT.get(role, set())
    assert allowed(role) == needed | LOGS_AND_TRACES


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_function_writes_into_its_own_log_group_only(role: str) -> None:
    logs = [each for each in statements(ROLES[role]) if "logs:PutLogEvents" in each["Action"]]
    stem = role.removesuffix("Role")
    assert [each["Resource"] for each in logs] == [f"${{{stem}LogGroup.Arn}}"]


def test_there_are_no_roles_but_these_and_no_managed_policies() -> None:
    assert set(ROLES) == {*FUNCTION_ROLES, "TrainAndDeployRole", "ModelRole"}
    for properties in ROLES.values():
        assert "ManagedPolicyArns" not in properties
        assert "PermissionsBoundary" not in properties
    assert not of_type(transformed(), "AWS::IAM::ManagedPolicy")
    assert not of_type(transformed(), "AWS::IAM::Policy")


@pytest.mark.parametrize("role", ROLES)
def test_statements_allow_named_actions_on_named_resources(role: str) -> None:
    for statement in statements(ROLES[role]):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & set(statement)
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action]
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert set(actions) <= NO_RESOURCE_LEVEL, statement["Sid"]
            else:
                # One of the stack's own resources, or an ARN with service, region and account.
                _, *scope = resource.split(":", 5)[:5] if resource.startswith("arn:") else [""]
                assert scope or resource.startswith("${"), statement["Sid"]
                assert "*" not in "".join(scope), statement["Sid"]


def test_every_star_has_its_reason_beside_it() -> None:
    lines = TEMPLATE.read_text().splitlines()
    stars = [line for line in lines if re.match(r'\s*Resource: "\*"', line)]
    assert stars
    assert all(re.search(r"# .*no resource-level permissions", line) for line in stars)


@pytest.mark.parametrize(
    ("role", "service"),
    [
        *[(role, "lambda.amazonaws.com") for role in FUNCTION_ROLES],
        ("TrainAndDeployRole", "states.amazonaws.com"),
        ("ModelRole", "sagemaker.amazonaws.com"),
    ],
)
def test_only_its_service_takes_the_role(role: str, service: str) -> None:
    (statement,) = plain(ROLES[role])["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert statement["Action"] == "sts:AssumeRole"
    if service == "states.amazonaws.com":  # the others promise no source account with the request
        condition = statement["Condition"]
        assert condition == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def test_a_role_is_passed_to_sagemaker_alone() -> None:
    passing: list[dict[str, Any]] = [
        statement
        for properties in ROLES.values()
        for statement in statements(properties)
        if "iam:PassRole" in as_list(statement["Action"])
    ]
    assert [(each["Resource"], each["Condition"]) for each in passing] == [
        ("${ModelRole.Arn}", {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})
    ]


def test_state_machine_runs_its_own_functions_only() -> None:
    (run,) = [
        each
        for each in statements(ROLES["TrainAndDeployRole"])
        if each["Action"] == "lambda:InvokeFunction"
    ]
    assert run["Resource"] == [
        "${PreflightFunction.Arn}",
        "${PublishBundleFunction.Arn}",
        "${ReleaseFunction.Arn}",
        "${SmokeTestFunction.Arn}",
        "${ApplyAutoscalingFunction.Arn}",
    ]


def test_a_bundle_is_never_overwritten() -> None:
    (write,) = [
        each
        for properties in ROLES.values()
        for each in statements(properties)
        if "s3:PutObject" in as_list(each["Action"]) and "/code/" in each["Resource"]
    ]
    assert write["Condition"] == {"StringEquals": {"s3:if-none-match": "*"}}


def test_model_reads_models_and_code_only() -> None:
    reads = {
        resource
        for each in statements(ROLES["ModelRole"])
        if any(action.startswith("s3:") for action in as_list(each["Action"]))
        for resource in as_list(each["Resource"])
    }
    assert reads == {"${Bucket.Arn}/code/*", "${Bucket.Arn}/models/*"}
