"""A REST API's stage writes a line for each request to its log group."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.apigateway.access_log import AccessLogs, check_destination
from kennel.cloud.apigateway.check import check
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.clients import client
from kennel.errors import CannotStart
from tests.kennel.cloud.apigateway.serving import Served, answering, echo, read
from tests.kennel.cloud.apigateway.test_reads import asked

GROUP = "access"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
NAMES = (
    *("requestId", "extendedRequestId", "accountId", "apiId", "stage", "httpMethod", "path"),
    *("resourcePath", "protocol", "requestTime", "requestTimeEpoch", "domainName", "status"),
    *("responseLength", "responseLatency", "integrationLatency", "integration.latency"),
    *("integrationStatus", "integration.status", "identity.sourceIp", "identity.userAgent"),
    *("identity.apiKeyId", "error.responseType", "error.message", "wafResponseCode"),
)
FORMAT = json.dumps({name: f"$context.{name}" for name in NAMES})
TEMPLATE = """
Globals: {{Api: {{OpenApiVersion: 3.0.1}}}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      AccessLogSetting: {{DestinationArn: "{arn}", Format: '{text}'}}
  Key: {{Type: AWS::ApiGateway::ApiKey, Properties: {{Enabled: true, Value: the-key}}}}
  PlanKey:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {{KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}}
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties: {{ApiStages: [{{ApiId: !Ref Api, Stage: !Ref Api.Stage}}]}}
  Role:
    Type: AWS::IAM::Role
    Properties: {{AssumeRolePolicyDocument: {{}}}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.13
      CodeUri: .
      Role: !GetAtt Role.Arn
      Events:
        Dog: {{Type: Api, Properties: {{RestApiId: !Ref Api, Method: get, Path: "/dogs/{{name}}"}}}}
        Closed:
          Type: Api
          Properties:
            {{RestApiId: !Ref Api, Method: get, Path: /closed, Auth: {{ApiKeyRequired: true}}}}
"""


@pytest.fixture
def logged(account: str, tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Make requests to the API before a function; return their lines in the log group."""
    logs = client("logs", account)
    logs.create_log_group(logGroupName=GROUP)

    def requests(function: Any, *paths: str, **headers: str) -> list[dict[str, str]]:
        access_logs = AccessLogs(logs)
        stack = read(TEMPLATE.format(arn=ARN, text=FORMAT), tmp_path)
        served = Served(stack, function, access_logs=access_logs)
        for path in paths:
            served.client.get(path, headers=headers)
        asyncio.run(access_logs.write())
        events = logs.filter_log_events(logGroupName=GROUP)["events"]
        return [json.loads(each["message"]) for each in events]

    return requests


def test_a_line_has_the_variables_of_its_format(
    logged: Callable[..., list[dict[str, str]]],
) -> None:
    answer = answering({"statusCode": 201, "body": "wag"})
    (line,) = logged(answer, "/v1/dogs/rex", **{"user-agent": "a test"})
    expected = {
        "accountId": "123456789012",
        "apiId": "tried-Api",
        "stage": "v1",
        "httpMethod": "GET",
        "path": "/v1/dogs/rex",
        "resourcePath": "/dogs/{name}",
        "protocol": "HTTP/1.1",
        "domainName": "api",
        "status": "201",
        "responseLength": "3",
        "integrationStatus": "200",
        "integration.status": "201",
        "identity.sourceIp": "testclient",
        "identity.userAgent": "a test",
    }
    assert {name: line[name] for name in expected} == expected
    assert line["requestId"] == line["extendedRequestId"] != "-"
    assert int(line["responseLatency"]) >= int(line["integrationLatency"]) >= 0
    assert line["integration.latency"] == line["integrationLatency"]
    absent = ("identity.apiKeyId", "error.responseType", "error.message", "wafResponseCode")
    assert [line[name] for name in absent] == ["-"] * 4


def test_a_request_that_the_api_refuses_is_logged_with_its_reason(
    logged: Callable[..., list[dict[str, str]]],
) -> None:
    nothing, closed = logged(echo, "/v1/nothing", "/v1/closed")
    known = ("status", "resourcePath", "error.responseType", "error.message", "integrationStatus")
    assert [nothing[name] for name in known] == [
        *("403", "-", "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", "-"),
    ]
    assert [closed[name] for name in known] == [
        *("403", "/closed", "INVALID_API_KEY", "Forbidden", "-"),
    ]


def test_the_key_of_a_request_is_logged(logged: Callable[..., list[dict[str, str]]]) -> None:
    (line,) = logged(echo, "/v1/closed", **{"x-api-key": "the-key"})
    assert (line["status"], line["identity.apiKeyId"]) == ("200", "tried-Key")


def test_a_function_that_fails_is_logged(logged: Callable[..., list[dict[str, str]]]) -> None:
    outcomes: list[Any] = [Throttled("busy"), Outcome(b'{"errorMessage": "x"}', failed=True)]

    async def function(event: dict[str, Any]) -> Outcome:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Outcome(outcome.payload, outcome.failed)

    throttled, failed = logged(function, "/v1/dogs/a", "/v1/dogs/b")
    known = ("status", "error.responseType", "integrationStatus", "integration.status")
    assert [throttled[name] for name in known] == ["500", "INTEGRATION_FAILURE", "-", "-"]
    assert [failed[name] for name in known] == ["502", "DEFAULT_5XX", "200", "-"]


def stage(**setting: str) -> Resource:
    properties = {"StageName": "v1", "AccessLogSetting": setting}
    return Resource("Stage", "AWS::ApiGateway::Stage", "v1", "arn:stage", properties)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"DestinationArn": ARN, "Format": "$context.status"}, "neither .*requestId nor"),
        ({"DestinationArn": ARN}, "neither .*requestId nor"),
        (
            {"DestinationArn": "arn:aws:firehose:us-east-1:1:deliverystream/x", "Format": FORMAT},
            "writes to log groups alone",
        ),
    ],
)
def test_a_setting_that_is_refused(setting: dict[str, str], reason: str) -> None:
    with pytest.raises(CannotStart, match=f"Stage: .*{reason}"):
        check(stage(**setting))


def test_the_log_group_must_exist(account: str) -> None:
    logs = client("logs", account)
    logs.create_log_group(logGroupName=f"{GROUP}-of-another")
    with pytest.raises(CannotStart, match="access, does not exist"):
        check_destination(logs, stage(DestinationArn=ARN, Format=FORMAT))
    logs.create_log_group(logGroupName=GROUP)
    for arn in (ARN, f"{ARN}:*"):
        check(stage(DestinationArn=arn, Format=FORMAT))
        check_destination(logs, stage(DestinationArn=arn, Format=FORMAT))
    check_destination(logs, stage())


def test_a_stage_is_read_with_its_access_log(tmp_path: Path) -> None:
    served = Served(read(TEMPLATE.format(arn=ARN, text=FORMAT), tmp_path), echo)
    one = asked(served, "GetStage", restApiId="tried-Api", stageName="v1")
    assert one["accessLogSettings"] == {"destinationArn": ARN, "format": FORMAT}
