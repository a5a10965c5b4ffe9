"""The gateway before services that answer by script."""

import asyncio
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Message

from kennel.cloud.apigateway.apis import Apis
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

    def claims(self, request: Request) -> bool:
        return bool(request.headers.get("host", "").startswith("x.execute-api."))


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
        api=cast("Apis", Answers("api")),
        control=cast("Control", Answers("control")),
        authorizer=Authorizer(Identities({"Role": ROLE})),
        handlers={"stepfunctions": handle_states},
        default=handle_default,
        address="192.168.1.5",
    )
    return TestClient(gateway, base_url="http://127.0.0.1:4510")


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
    host = {"host": "x.execute-api.localhost"}
    assert client.get("/kennel/clock", headers=host).text == "api"
    assert client.post("/", headers=host).text == "api"
    signature = {
        "authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/r/execute-api/aws4_request"
    }
    assert client.get("/v1/x", headers=signature).text == "api"


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
        ("AWSStepFunctions.ListActivities", 500, "InternalFailure"),  # a bug here
        ("AWSStepFunctions.Fly", 501, "NotImplementedOffline"),
    ],
)
def test_a_failing_call_gets_its_services_error(
    client: TestClient, operation: str, status: int, code: str
) -> None:
    answer = call(client, operation)
    assert (answer.status_code, answer.json()["__type"]) == (status, code)


def test_a_bug_is_one_line_of_the_log_and_no_traceback(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    call(client, "AWSStepFunctions.ListActivities")
    (record,) = caplog.records
    assert record.getMessage() == (
        "stepfunctions POST / AWSStepFunctions.ListActivities failed: RuntimeError('a bug')"
    )
    assert not record.exc_info


SIGNED = {
    "authorization": f"AWS4-HMAC-SHA256 Credential={OPERATOR_KEY}/20260101/us-east-1/states"
    "/aws4_request, SignedHeaders=host, Signature=0",
    "x-amz-target": "AWSStepFunctions.StopExecution",
}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:4510"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "evil.localhost.example"},
        {"host": "0.0.0.0:4510"},
        {"host": "10.0.0.1"},
        {"host": "evil@127.0.0.1"},
        {"host": "[::1"},
        {"host": " "},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:3000"},  # another server's page on this machine
        {"origin": "https://127.0.0.1:4510"},
        {"origin": "http://127.0.0.1:4510.evil.example"},
    ],
)
def test_a_web_page_reaches_neither_control_paths_nor_services(
    client: TestClient, headers: dict[str, str]
) -> None:
    for path, more in (("/kennel/clock", {}), ("/", SIGNED)):
        answer = client.post(path, content=b"{}", headers={**headers, **more})
        assert answer.status_code == 403, answer.text
        assert "header is" in answer.text


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:4510", "127.8.8.8", "localhost:1", "LOCALHOST", "[::1]:4510"),
        *("bucket.localhost:4510", "192.168.1.5", "192.168.1.5:4510"),
    ],
)
def test_programs_call_by_any_name_of_loopback_and_by_the_bound_address(
    client: TestClient, host: str
) -> None:
    for origin in ({}, {"origin": f"http://{host}"}):
        headers = {"host": host, **origin}
        assert client.post("/kennel/clock", headers=headers).text == "control"
        stopped = client.post("/", content=b"{}", headers={**headers, **SIGNED})
        assert stopped.text == f"stopped for {OPERATOR_KEY}"


def test_the_api_is_any_pages_to_call(client: TestClient) -> None:
    headers = {"host": "breeds.example", "origin": "http://evil.example"}
    assert client.post("/v1/x", headers=headers).text == "api"


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({"x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth"}, b"{}", "__type"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Action=ListRoles&Version=2010-05-08",
            "<Code>MissingAuthenticationToken</Code>",
        ),
        ({"content-type": "text/plain"}, b"Action=ListRoles", "MissingAuthenticationToken"),
    ],
)
def test_a_call_without_a_signature_is_refused_in_its_form(
    client: TestClient, headers: dict[str, str], body: bytes, words: str
) -> None:
    answer = client.post("/", content=body, headers=headers)
    assert answer.status_code == 403
    assert words in answer.text


def test_a_client_that_leaves_in_the_midst_of_its_body_is_no_error(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "method": "POST", "path": "/", "query_string": b""},
        "headers": [(name.encode(), value.encode()) for name, value in SIGNED.items()],
        "server": ("127.0.0.1", 4510),
    }
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert (sent, caplog.records) == ([], [])


class Bodies(Answers):
    """Answers every request with its body."""

    async def answer(self, request: Request) -> Response:
        return Response(await request.body())


def sent_slowly(headers: dict[str, str], parts: int, seconds: float) -> tuple[int, bytes]:
    """Send a body in parts with a pause before each, to a gateway that waits 0.5 s."""

    async def exchange() -> tuple[int, bytes]:
        async def handle(request: Request, _call: ApiCall) -> Response:
            return Response(str(len(await request.body())))

        gateway = Gateway(
            api=cast("Apis", Bodies("")),
            control=cast("Control", Bodies("")),
            authorizer=Authorizer(Identities({"Role": ROLE})),
            handlers={"s3": handle},
            default=handle,
            body_seconds=0.5,
        )
        left, answers = parts, []

        async def receive() -> Message:
            nonlocal left
            await asyncio.sleep(seconds)
            left -= 1
            return {"type": "http.request", "body": b"x", "more_body": left > 0}

        async def send(message: Message) -> None:
            answers.append(message)

        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        path = {"path": "/bucket/key", "raw_path": b"/bucket/key", "query_string": b""}
        host = {"server": ("127.0.0.1", 80), "scheme": "http", "headers": lines}
        await gateway({"type": "http", "method": "PUT", **path, **host}, receive, send)
        return answers[0]["status"], answers[1]["body"]

    return asyncio.run(exchange())


UPLOAD = {"authorization": SIGNED["authorization"].replace("/states/", "/s3/")}


@pytest.mark.parametrize(
    ("headers", "parts", "seconds"),
    [({}, 1_000, 0.01), ({}, 2, 5.0), (UPLOAD, 2, 5.0)],
    ids=["drop by drop", "not at all", "an upload that stands still"],
)
def test_a_slow_body_gets_408(headers: dict[str, str], parts: int, seconds: float) -> None:
    status, body = sent_slowly(headers, parts, seconds)
    assert (status, b"did not arrive within 0.5 s" in body) == (408, True)


def test_an_upload_may_take_as_long_as_it_goes_on() -> None:
    assert sent_slowly(UPLOAD, 80, 0.01) == (200, b"80")
    assert sent_slowly({}, 4, 0.01) == (200, b"xxxx")
