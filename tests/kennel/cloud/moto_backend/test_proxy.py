"""Calls are passed on to moto, here a fake transport."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.policy import Role
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.moto_backend.contract import FAILURE_HEADER
from kennel.cloud.moto_backend.proxy import S3, MotoProxy
from kennel.cloud.runtime.errors import ServiceError

GET = ApiCall("s3", "GetObject", {"Bucket": "b", "Key": "k"}, "SomeRole")


def stream(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    """Return an answer that is read while it is passed on."""
    return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)


def exchange(
    answer: Callable[[httpx.Request], httpx.Response],
    call: ApiCall = GET,
    method: str = "GET",
    headers: dict[str, str] | None = None,
) -> tuple[Any, list[ApiCall]]:
    """Send one request through the proxy; return its answer and the calls that were observed."""
    observed: list[ApiCall] = []
    transport = httpx.MockTransport(answer)
    proxy = MotoProxy("http://moto:5", {"s3": observed.append}, transport, key="moto-key")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await proxy(Request(scope, receive), call)
        await response(scope, receive, send)

    given = headers or {"x-y": "z"}
    got = TestClient(app).request(method, "/b/a%20b?x=1", content=b"body", headers=given)
    return got, observed


def test_a_call_is_passed_on_as_it_came() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return stream(200, b"object", etag="1")

    got, observed = exchange(answer, method="PUT")
    assert (got.content, got.headers["etag"]) == (b"object", "1")
    (request,) = requests
    assert str(request.url) == "http://moto:5/b/a%20b?x=1"
    assert (request.method, request.content, request.headers["x-y"]) == ("PUT", b"body", "z")
    assert observed == [GET]


def test_moto_is_called_with_its_own_key_and_without_what_belongs_to_the_connection() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return stream(200)

    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=SomeRole/20260101/us-east-1/ssm/aws4_request",
        "x-amz-target": "AmazonSSM.GetParameter",
        **{"connection": "upgrade", "upgrade": "h2c", "expect": "100-continue"},
    }
    exchange(answer, ApiCall("ssm", "GetParameter", {}), "POST", headers)
    (request,) = requests
    assert "Credential=moto-key/20260101/us-east-1/ssm/" in request.headers["authorization"]
    assert request.headers["content-type"] == "application/x-amz-json-1.1"
    assert not {"upgrade", "expect"} & set(request.headers)
    assert request.headers["content-length"] == "4"


def test_an_error_of_the_service_is_passed_on_and_not_observed() -> None:
    got, observed = exchange(lambda request: stream(404, b"<Error/>"))
    assert (got.status_code, got.content, observed) == (404, b"<Error/>", [])


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (404, b"<!doctype html>\n<title>Oops</title>", {}),
        (500, b"<!doctype html>\n<title>Oops</title>", {}),
        (501, b"", {}),
        (500, b"", {FAILURE_HEADER: "KeyError('p99')"}),
    ],
)
def test_what_is_no_error_of_a_service_becomes_one(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(ServiceError, match="s3:GetObject") as raised:
        exchange(lambda request: stream(status, body, **headers))
    assert (raised.value.code, raised.value.status) == ("NotImplementedOffline", 501)


@pytest.mark.parametrize("body", [b"", b"{}", b"Not Found", b"<html>", b'{"message": "x"}'])
def test_an_error_without_a_code_is_no_error_of_a_service(body: bytes) -> None:
    call = ApiCall("lex-models", "GetBots", {})
    with pytest.raises(ServiceError, match="lex-models:GetBots: it answers 404"):
        exchange(lambda request: stream(404, body), call)


def test_an_answer_that_flask_calls_html_has_its_protocols_type() -> None:
    page = {"content-type": "text/html; charset=utf-8"}
    got, _ = exchange(
        lambda request: stream(200, b"{}", **page), ApiCall("logs", "DescribeQueries", {})
    )
    assert got.headers["content-type"] == "application/x-amz-json-1.1"
    got, _ = exchange(lambda request: stream(200, b"<p>", **page))
    assert got.headers["content-type"] == "text/html; charset=utf-8"  # an object's own type
    got, _ = exchange(lambda request: stream(404, b"<Error/>", **page))
    assert got.headers["content-type"] == "application/xml"


def test_a_moto_that_does_not_answer_is_an_error_of_the_service() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ServiceError, match="moto did not answer s3:GetObject") as raised:
        exchange(refuse)
    assert (raised.value.code, raised.value.status) == ("ServiceUnavailable", 503)


def test_a_missing_object_is_hidden_from_who_may_not_list() -> None:
    proxy = MotoProxy("http://moto:5", {}, httpx.MockTransport(lambda request: stream(404)))
    s3 = S3(proxy, Authorizer(Identities({"SomeRole": Role("some", ())})))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        **{"type": "http", "method": "GET", "path": "/b/k", "query_string": b""},
        **{"headers": [], "server": ("127.0.0.1", 1), "scheme": "http"},
    }

    async def answer(access_key: str) -> Response:
        call = ApiCall("s3", "GetObject", GET.parameters, access_key)
        return await s3(Request(scope, receive), call)

    with pytest.raises(AccessDenied, match="s3:ListBucket on resource: arn:aws:s3:::b"):
        asyncio.run(answer("SomeRole"))
    assert asyncio.run(answer("kennel-operator")).status_code == 404
