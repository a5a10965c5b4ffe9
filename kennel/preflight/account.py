"""Checks of what the account allows: credentials, reserved concurrency, API Gateway's log role."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.deployed import Deployed
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html: 100 executions of
# an account's limit always stay unreserved.
KEPT_UNRESERVED = 100


def credentials(connect: Connect) -> Finding:
    """Say who calls; raises what botocore raises when nobody does."""
    who = connect("sts").get_caller_identity()
    return Finding("credentials", Level.FINE, f"{who['Arn']} in account {who['Account']}")


def concurrency(
    wanted: Deployment, deployed: Deployed | None, connect: Connect
) -> Iterator[Finding]:
    """Check that Lambda can reserve the executions that the template asks for."""
    check = "Lambda concurrency"
    reserving = {
        each.logical_id: int(each.properties.get("ReservedConcurrentExecutions", 0))
        for each in wanted.stack.of_type("AWS::Lambda::Function")
    }
    reserved = sum(reserving.values())
    if not reserved:
        yield Finding(check, Level.FINE, "no execution is reserved")
        return
    functions = connect("lambda")
    limits = functions.get_account_settings()["AccountLimit"]
    total, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    for logical_id in reserving:
        if deployed and logical_id in deployed.physical:
            free += _reserved_now(functions, deployed.physical[logical_id])
    if free - reserved >= KEPT_UNRESERVED:
        yield Finding(check, Level.FINE, f"{reserved} of {free} unreserved executions")
        return
    yield Finding(
        check,
        Level.BLOCKS,
        f"the template reserves {reserved} executions; the account's limit is {total}, {free} are "
        f"unreserved, and AWS keeps {KEPT_UNRESERVED} of them so",
        "deploy with ReservedConcurrency=0, or raise the quota 'Concurrent executions' of Lambda "
        "(aws service-quotas request-service-quota-increase --service-code lambda --quota-code "
        "L-B99A9384 --desired-value 1000)",
    )


def _reserved_now(functions, name: str) -> int:  # type: ignore[no-untyped-def]
    try:
        answer = functions.get_function_concurrency(FunctionName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return 0
    return int(answer.get("ReservedConcurrentExecutions", 0))


def log_role(wanted: Deployment, connect: Connect) -> Iterator[Finding]:
    """Check the account-wide role by which API Gateway writes logs, where the template logs."""
    check = "API Gateway log role"
    stages = [each.properties for each in wanted.stack.of_type("AWS::ApiGateway::Stage")]
    logs = any(
        stage.get("AccessLogSetting")
        or any(method.get("LoggingLevel", "OFF") != "OFF" for method in stage["MethodSettings"])
        for stage in stages
    )
    brings = wanted.stack.of_type("AWS::ApiGateway::Account")
    if not logs and not brings:
        yield Finding(check, Level.FINE, "not needed: the API writes no log")
        return
    role = connect("apigateway").get_account().get("cloudwatchRoleArn")
    if brings and role:
        yield Finding(
            check,
            Level.WARNS,
            f"the account has one already, {role}, and the template would replace it for every "
            "API of the account",
            "leave AWS::ApiGateway::Account out of the template",
        )
    elif brings or role:
        yield Finding(check, Level.FINE, role or "the template makes it")
    else:
        yield Finding(
            check,
            Level.BLOCKS,
            "the API writes access logs, and the account has no role for that",
            "make one that apigateway.amazonaws.com may take, and set it: aws apigateway "
            "update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=<its ARN>",
        )
