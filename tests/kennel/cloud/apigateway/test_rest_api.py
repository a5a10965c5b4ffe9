"""The REST API before a function that answers by script."""

import asyncio
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.runtime.clock import Clock
from tests.kennel.cloud.apigateway.serving import Function, Served, echo, read

TEMPLATE = """
Globals: {{Api: {{OpenApiVersion: 3.0.1}}}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Cors: "'https://example.com'"
      BinaryMediaTypes: [{binary}]
      MethodSettings:
        - ResourcePath: /*
          HttpMethod: "*"
          ThrottlingRateLimit: {rate}
          ThrottlingBurstLimit: {burst}
  Key: {{Type: AWS::ApiGateway::ApiKey, Properties: {{Enabled: true, Value: the-key}}}}
  PlanKey:
    Type: AWS::ApiGateway::UsagePlanKey
    Properties: {{KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}}
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      ApiStages: [{{ApiId: !Ref Api, Stage: !Ref Api.Stage}}]
      Throttle: {{RateLimit: 1000, BurstLimit: 1000}}
      Quota: {{Limit: {quota}, Period: DAY}}
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
        Open: {{Type: Api, Properties: {{RestApiId: !Ref Api, Method: post, Path: /open}}}}
        Closed:
          Type: Api
          Properties:
            {{RestApiId: !Ref Api, Method: get, Path: /closed, Auth: {{ApiKeyRequired: true}}}}
"""


@functools.cache
def stack(rate: int, burst: int, quota: int, binary: str) -> Stack:
    with tempfile.TemporaryDirectory() as folder:
        text = TEMPLATE.format(rate=rate, burst=burst, quota=quota, binary=binary)
        return read(text, Path(folder))


def api(
    function: Function,
    *,
    rate: int = 1000,
    burst: int = 1000,
    quota: int = 1000,
    metrics: Metrics | None = None,
    timeout: float = 29,
    binary: str = "image~1jpeg",
) -> TestClient:
    made = stack(rate, burst, quota, binary)
    return Served(made, function, metrics=metrics, timeout=timeout).client


def test_a_preflight_gets_the_templates_cors_headers_without_the_function() -> None:
    async def never(event: dict[str, Any]) -> Outcome:
        raise AssertionError("a preflight reaches no function")

    answer = api(never).options("/v1/open")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://example.com"
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_function_that_takes_too_long_is_a_504() -> None:
    async def slow(event: dict[str, Any]) -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError("the API waited for it")

    answer = api(slow, timeout=0.05).post("/v1/open")
    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})


def test_a_throttled_function_is_a_500_and_a_failed_one_a_502() -> None:
    async def throttled(event: dict[str, Any]) -> Outcome:
        raise Throttled("Echo")

    async def failed(event: dict[str, Any]) -> Outcome:
        return Outcome(b'{"errorType": "ValueError"}', True)

    async def malformed(event: dict[str, Any]) -> Outcome:
        return Outcome(b'{"status": 200}', False)

    wrong = {"message": "Internal server error"}
    for function, status in ((throttled, 500), (failed, 502), (malformed, 502)):
        answer = api(function).post("/v1/open")
        assert (answer.status_code, answer.json()) == (status, wrong)


def test_the_stages_throttle_holds_for_routes_without_a_key() -> None:
    client = api(echo, rate=1, burst=2)
    statuses = [client.post("/v1/open").status_code for _ in range(20)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses


def test_key_and_quota() -> None:
    client = api(echo, quota=2)
    assert client.get("/v1/closed").status_code == 403
    key = {"x-api-key": "the-key"}
    answers = [client.get("/v1/closed", headers=key) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json() == {"message": "Limit Exceeded"}


@pytest.mark.parametrize("path", ["/", "/open", "/v1", "/v1x/open", "/v1/none", "/v2/open"])
def test_what_is_not_in_the_stage_wants_a_token(path: str) -> None:
    answer = api(echo).post(path)
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


def test_the_event_is_the_proxy_integrations() -> None:
    client = api(echo)
    event = client.post(
        "/v1/open?a=1&a=2", content=b"\xff\xd8", headers={"content-type": "image/jpeg"}
    ).json()
    assert (event["isBase64Encoded"], event["body"]) == (True, "/9g=")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["queryStringParameters"] == {"a": "2"}
    assert event["requestContext"]["stage"] == "v1"
    assert event["requestContext"]["path"] == "/v1/open"
    text = client.post("/v1/open", content=b"hello", headers={"content-type": "text/plain"}).json()
    assert (text["isBase64Encoded"], text["body"]) == (False, "hello")


@pytest.mark.parametrize(
    ("binary", "content_type", "is_binary"),
    [
        ("image~1*", "image/jpeg", True),
        ("image~1*", "IMAGE/JPEG; charset=utf-8", True),
        ("image~1*", "image/svg+xml", True),
        ("image~1*", " image/png ;q=1", True),
        ("image~1*", "image", False),
        ("image~1*", "image/", True),
        ("image~1*", "images/png", False),
        ("image~1*", "application/image", False),
        ("image~1*", "", False),  # counts as application/json
        ("application~1json", "", True),
        ("Application~1Octet-Stream", "application/octet-stream", True),
        ("multipart~1form-data", "multipart/form-data; boundary=x", True),
        ("image~1jpeg", "image/jpg", False),
        ("'*~1*'", "", True),
        ("'*~1*'", "text/plain", True),
        ("'*~1*'", "junk", True),
        ("'*~1png'", "image/png", True),
        ("image~1jpeg, image~1*", "image/webp", True),
    ],
)
def test_wildcards_and_case_of_binary_media_types(
    binary: str, content_type: str, is_binary: bool
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    event = api(echo, binary=binary).post("/v1/open", content=b"\xff", headers=headers).json()
    assert event["isBase64Encoded"] is is_binary
    assert event["body"] == ("/w==" if is_binary else "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("binary", "accept", "content"),
    [
        ("image~1*", "image/png", b"\xff"),
        ("image~1*", "IMAGE/PNG;q=0.9, text/html", b"\xff"),
        ("image~1*", "image/avif,image/webp,*/*;q=0.8", b"\xff"),
        ("image~1*", "text/html, image/png", b"/w=="),  # only the first counts
        ("image~1*", "*/*", b"/w=="),  # what curl sends
        ("'*~1*'", "*/*", b"\xff"),
        ("'*~1*'", "text/html", b"\xff"),
    ],
)
def test_an_answer_is_decoded_for_the_first_type_that_a_client_accepts(
    binary: str, accept: str, content: bytes
) -> None:
    async def picture(event: dict[str, Any]) -> Outcome:
        answer = {"statusCode": 200, "body": "/w==", "isBase64Encoded": True}
        return Outcome(json.dumps(answer).encode(), False)

    answer = api(picture, binary=binary).post("/v1/open", headers={"accept": accept})
    assert answer.content == content


def test_a_preflight_fails_where_every_type_is_binary() -> None:
    assert api(echo, binary="'*~1*'").options("/v1/open").status_code == 500
    assert api(echo, binary="image~1*").options("/v1/open").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x": "a\nb"}, 502),
        ({"x y": "a"}, 502),
        ({"x": "größe \N{DOG FACE}"}, 502),
        ({"content-length": "5"}, 200),
        ({"content-type": "text/plain"}, 200),
    ],
)
def test_headers_of_a_function_are_checked(headers: dict[str, str], status: int) -> None:
    async def answer(event: dict[str, Any]) -> Outcome:
        proxied = {"statusCode": 200, "body": "abc", "headers": headers}
        return Outcome(json.dumps(proxied).encode(), False)

    got = api(answer).post("/v1/open")
    assert got.status_code == status
    if status == 200:
        assert (got.text, got.headers.get_list("content-length")) == ("abc", ["3"])
        assert len(got.headers.get_list("content-type")) == 1


@pytest.mark.parametrize("status", [0, 99, 100, 600, "x", None])
def test_a_status_that_is_none_is_a_502(status: Any) -> None:
    async def answer(event: dict[str, Any]) -> Outcome:
        return Outcome(json.dumps({"statusCode": status}).encode(), False)

    assert api(answer).post("/v1/open").status_code == 502


@pytest.mark.parametrize("host", ["[", "a b", "\xff", "evil.example"])
def test_any_host_header_is_taken(host: str) -> None:
    answer = api(echo).post("/v1/open", headers={b"host": host.encode("latin-1")})
    assert answer.status_code == 200


def test_requests_are_counted_by_api_and_stage() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    client = api(echo, metrics=metrics)
    client.post("/v1/open")
    client.get("/v1/closed")

    async def total(name: str) -> float | None:
        series = Series.of("AWS/ApiGateway", name, {"ApiName": "tried", "Stage": "v1"})
        (point,) = await metrics.points(series, "Sum", 7200, clock.now() - 3600, 1)
        return point

    counted = {name: asyncio.run(total(name)) for name in ("Count", "4XXError", "5XXError")}
    assert counted == {"Count": 2, "4XXError": 1, "5XXError": 0}
