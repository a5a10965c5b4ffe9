"""The gateway before services that answer by script."""

from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.control import Control
from kennel.cloud.gateway import Gateway
from kennel.cloud.iam.identity import OPERATOR_KEY, Identities
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import read_role
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError

STATEMENT = {"Effect": "Allow", "Action": "states:*", "Resource": "arn:allowed"}
ROLE = read_role("r", {"Policies": [{"PolicyDocument": {"Statement": STATEMENT}}]})


class Answers:
    """Answers every request with a word."""

    def __init__(self, word: str) -> None:
        self.word = word

    async def answer(self, request: Request) -> Response:
        return PlainTextResponse(self.word)


async def handle_states(request: Request, call: ApiCall) -> Response:
    match call.operation:
        case "StopExecution":
            return PlainTextResponse(f"stopped for {call.access_key}")
        case "StartExecution":
            raise ServiceError("ExecutionLimitExceeded", "too many")
    raise RuntimeError("a bug")


async def handle_default(request: Request, call: ApiCall) -> Response:
    return PlainTextResponse(f"default {call.service}:{call.operation}")


@pytest.fixture
def client() -> TestClient:
    gateway = Gateway(
        api=cast("RestApi", Answers("api")),
        control=cast("Control", Answers("control")),
        authorizer=Authorizer(Identities({"Role": ROLE})),
        handlers={"stepfunctions": handle_states},
        default=handle_default,
    )
    return TestClient(gateway)


def call(
    client: TestClient,
    operation: str,
    key: str = OPERATOR_KEY,
    service: str = "states",
    **body: Any,
) -> Any:
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/{service}"
        "/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-target": operation,
    }
    return client.post("/", json=body, headers=headers)


def test_a_request_without_a_signature_is_the_apis_or_the_controls(client: TestClient) -> None:
    assert client.get("/v1/x").text == "api"
    assert client.get("/kennel/clock").text == "control"


def test_a_signed_call_goes_to_its_services_handler_or_to_the_default(client: TestClient) -> None:
    assert call(client, "AWSStepFunctions.StopExecution").text == f"stopped for {OPERATOR_KEY}"
    tags = call(client, "AmazonSSM.GetParameter", service="ssm", Name="n")
    assert tags.text == "default ssm:GetParameter"


def test_a_role_makes_the_calls_that_it_allows(client: TestClient) -> None:
    stop = "AWSStepFunctions.StopExecution"
    assert call(client, stop, "Role", executionArn="arn:allowed").text == "stopped for Role"
    denied = call(client, stop, "Role", executionArn="arn:other")
    assert (denied.status_code, denied.json()["__type"]) == (400, "AccessDeniedException")
    assert "states:StopExecution on resource: arn:other" in denied.json()["message"]
    stranger = call(client, stop, "AKIASTRANGER", executionArn="arn:allowed")
    assert (stranger.status_code, stranger.json()["__type"]) == (403, "UnrecognizedClientException")


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("AWSStepFunctions.StartExecution", 400, "ExecutionLimitExceeded"),
        ("AWSStepFunctions.ListActivities", 500, "InternalFailure"),
        ("AWSStepFunctions.Fly", 501, "NotImplementedOffline"),
    ],
)
def test_a_failing_call_gets_its_services_error(
    client: TestClient, operation: str, status: int, code: str
) -> None:
    answer = call(client, operation)
    assert (answer.status_code, answer.json()["__type"]) == (status, code)
