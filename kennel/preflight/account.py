"""Check the account: credentials, reserved concurrency, API Gateway's log role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.deployed import DeployedStack
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

if TYPE_CHECKING:
    from types_boto3_apigateway.client import APIGatewayClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_sts.client import STSClient

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html: 100 executions of
# an account's limit always stay unreserved.
KEPT_UNRESERVED = 100


def credentials(connect: Connect) -> Finding:
    """Check the credentials, and name their owner; raises botocore's error if they fail."""
    sts: STSClient = connect("sts")
    caller = sts.get_caller_identity()
    return Finding("credentials", Level.FINE, f"{caller['Arn']} in account {caller['Account']}")


def concurrency(
    deployment: Deployment, deployed: DeployedStack | None, connect: Connect
) -> Iterator[Finding]:
    """Check that Lambda can reserve as many executions as the template does."""
    check = "Lambda concurrency"
    reserved_by_function = {
        function.logical_id: int(function.properties.get("ReservedConcurrentExecutions", 0))
        for function in deployment.stack.of_type("AWS::Lambda::Function")
    }
    reserved = sum(reserved_by_function.values())
    if not reserved:
        yield Finding(check, Level.FINE, "no execution is reserved")
        return
    lambda_: LambdaClient = connect("lambda")
    limits = lambda_.get_account_settings()["AccountLimit"]
    total, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    for logical_id in reserved_by_function:
        if deployed and logical_id in deployed.physical:
            free += _reserved_now(lambda_, deployed.physical[logical_id])
    if free - reserved >= KEPT_UNRESERVED:
        yield Finding(check, Level.FINE, f"{reserved} of {free} unreserved executions")
        return
    yield Finding(
        check,
        Level.BLOCKS,
        f"the template reserves {reserved} executions; the account's limit is {total}, {free} are "
        f"unreserved, and AWS keeps {KEPT_UNRESERVED} of them unreserved",
        "deploy with ReservedConcurrency=0, or raise the quota 'Concurrent executions' of Lambda "
        "(aws service-quotas request-service-quota-increase --service-code lambda --quota-code "
        "L-B99A9384 --desired-value 1000)",
    )


def _reserved_now(lambda_: LambdaClient, name: str) -> int:
    try:
        concurrency = lambda_.get_function_concurrency(FunctionName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return 0
    return int(concurrency.get("ReservedConcurrentExecutions", 0))


def log_role(deployment: Deployment, connect: Connect) -> Iterator[Finding]:
    """Check the account-wide role with which API Gateway writes logs, if the template needs it."""
    check = "API Gateway log role"
    stages = [stage.properties for stage in deployment.stack.of_type("AWS::ApiGateway::Stage")]
    writes_logs = any(
        stage.get("AccessLogSetting")
        or any(method.get("LoggingLevel", "OFF") != "OFF" for method in stage["MethodSettings"])
        for stage in stages
    )
    sets_role = deployment.stack.of_type("AWS::ApiGateway::Account")
    if not writes_logs and not sets_role:
        yield Finding(check, Level.FINE, "not needed: the API writes no log")
        return
    apigateway: APIGatewayClient = connect("apigateway")
    role = apigateway.get_account().get("cloudwatchRoleArn")
    if sets_role and role:
        yield Finding(
            check,
            Level.WARNS,
            f"the account has one already, {role}, and the template would replace it for every "
            "API of the account",
            "leave AWS::ApiGateway::Account out of the template",
        )
    elif sets_role or role:
        yield Finding(check, Level.FINE, role or "the template sets it")
    else:
        yield Finding(
            check,
            Level.BLOCKS,
            "the API writes access logs, and the account has no role for that",
            "create one that apigateway.amazonaws.com may assume, and set it: aws apigateway "
            "update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=<its ARN>",
        )
