"""HTTP APIs before functions that answer by script."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.functions import NoSuchFunction
from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.runtime.clock import Clock
from tests.kennel.cloud.apigateway.projects import HTTP
from tests.kennel.cloud.apigateway.serving import Function, Served, answering, echo, read


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return read(HTTP, tmp_path)


def answered(stack: Stack, answer: Any) -> Any:
    return Served(stack, answering(answer)).client.get("/x")


@pytest.mark.parametrize(
    ("answer", "text"),
    [("hello", "hello"), ({"a": 1}, '{"a": 1}'), ([1, 2], "[1, 2]"), (7, "7"), (None, "null")],
)
def test_an_answer_without_a_status_is_the_body(stack: Stack, answer: Any, text: str) -> None:
    got = answered(stack, answer)
    assert (got.status_code, got.text) == (200, text)
    assert got.headers["content-type"] == "application/json"


def test_an_answer_has_status_headers_and_a_cookie_each(stack: Stack) -> None:
    answer = {
        "statusCode": 201,
        "body": "/w==",
        "isBase64Encoded": True,
        "headers": {"x-dog": "yes", "x-count": 3, "x-flag": True},
        "cookies": ["a=1", "b=2; Secure"],
    }
    got = answered(stack, answer)
    assert (got.status_code, got.content) == (201, b"\xff")
    assert got.headers.get_list("set-cookie") == ["a=1", "b=2; Secure"]
    assert (got.headers["x-dog"], got.headers["x-count"], got.headers["x-flag"]) == (
        *("yes", "3"),
        "true",
    )
    assert got.headers["content-type"] == "text/plain;charset=UTF-8"
    assert got.headers["apigw-requestid"]


def test_what_goes_wrong_has_the_messages_of_an_http_api(stack: Stack) -> None:
    async def throttled(event: dict[str, Any]) -> Outcome:
        raise Throttled("f")

    async def absent(event: dict[str, Any]) -> Outcome:
        raise NoSuchFunction("f")

    async def failed(event: dict[str, Any]) -> Outcome:
        return Outcome(b'{"errorType": "ValueError"}', True)

    async def slow(event: dict[str, Any]) -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError("the API waited for it")

    cases: list[tuple[Function, int, str]] = [
        (throttled, 500, "Internal Server Error"),
        (absent, 500, "Internal Server Error"),
        (failed, 500, "Internal Server Error"),
        (answering({"statusCode": "x"}), 500, "Internal Server Error"),
        (slow, 503, "Service Unavailable"),
    ]
    for function, status, message in cases:
        answer = Served(stack, function, timeout=0.05).client.get("/x")
        assert (answer.status_code, answer.json()) == (status, {"message": message})
    large = Served(stack, echo).client.post("/x", content=b"x" * (10 * 2**20 + 1))
    assert (large.status_code, large.json()) == (413, {"message": "Request Entity Too Large"})


def test_a_function_that_sends_cors_headers_is_overruled(stack: Stack) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "access-control-allow-headers": "x"}
    client = Served(stack, answering({"statusCode": 200, "headers": headers})).client
    marked = client.get("/x", headers={"origin": "https://a.example"}).headers
    assert marked["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-headers" not in marked
    assert "access-control-allow-origin" not in client.get("/x").headers


def test_a_stage_throttles_each_route(stack: Stack) -> None:
    served = Served(stack, echo)
    stage = next(each for each in stack.resources.values() if each.name == "prod")
    limits = {"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 1}
    properties = {
        **stage.properties,
        "DefaultRouteSettings": limits,
        "RouteSettings": {"GET /dogs/{id}": {**limits, "ThrottlingBurstLimit": 2}},
    }
    changed = Resource(stage.logical_id, stage.type, stage.name, stage.arn, properties)
    served.resources.put(stack.name, changed)
    get = served.client.get
    assert [get("/prod/dogs/1").status_code for _ in range(3)] == [200, 200, 429]
    assert [get("/prod/x").status_code for _ in range(2)] == [200, 429]
    assert get("/prod/x").json() == {"message": "Too Many Requests"}
    assert get("/x").status_code == 200  # the default stage has no limits


def test_requests_are_counted_by_api_and_stage(stack: Stack) -> None:
    clock = Clock()
    metrics = Metrics(clock)
    client = Served(stack, echo, metrics=metrics).client
    client.get("/prod/x")
    client.get("/x")

    async def total(name: str, **stage: str) -> float | None:
        series = Series.of("AWS/ApiGateway", name, {"ApiId": "tried-Web", **stage})
        (point,) = await metrics.points(series, "Sum", 7200, clock.now() - 3600, 1)
        return point

    assert asyncio.run(total("Count")) == 2
    assert asyncio.run(total("Count", Stage="prod")) == 1
    assert asyncio.run(total("4xx", Stage="$default")) == 0


def test_one_route_to_one_function_is_declared_in_a_line() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    properties = {"Name": "quick", "ProtocolType": "HTTP", "Target": arn}
    api = Resource("Web", "AWS::ApiGatewayV2::Api", "web", "web", properties)
    served = Served(Stack("tried", {"Web": api}, {}), echo)
    event = json.loads(served.client.post("/any/path").text)
    assert (event["routeKey"], event["version"]) == ("$default", "2.0")
    assert served.functions.invoked == [arn]
