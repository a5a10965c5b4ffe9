"""Calls on their way to moto, which a transport stands for."""

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
from kennel.cloud.moto_backend.proxy import S3, MotoProxy, changes_something
from kennel.cloud.runtime.errors import ServiceError

GET = ApiCall("s3", "GetObject", {"Bucket": "b", "Key": "k"}, "SomeRole")


def stream(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    """Return an answer that is read while it is passed on."""
    return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)


def exchange(
    answer: Callable[[httpx.Request], httpx.Response],
    call: ApiCall = GET,
    method: str = "GET",
) -> tuple[Any, list[ApiCall]]:
    """Send one request through the proxy; return its answer and the calls that were observed."""
    observed: list[ApiCall] = []
    transport = httpx.MockTransport(answer)
    proxy = MotoProxy("http://moto:5", {"s3": observed.append}, transport)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await proxy(Request(scope, receive), call)
        await response(scope, receive, send)

    got = TestClient(app).request(method, "/b/a%20b?x=1", content=b"body", headers={"x-y": "z"})
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


def test_an_error_of_the_service_is_passed_on_and_not_observed() -> None:
    got, observed = exchange(lambda request: stream(404, b"<Error/>"))
    assert (got.status_code, got.content, observed) == (404, b"<Error/>", [])


@pytest.mark.parametrize(
    ("status", "code"), [(404, "NotImplementedOffline"), (500, "InternalFailure")]
)
def test_a_page_for_people_becomes_an_error_of_the_service(status: int, code: str) -> None:
    page = b"<!doctype html>\n<title>Oops</title>"
    with pytest.raises(ServiceError, match="s3:GetObject") as raised:
        exchange(lambda request: stream(status, page))
    assert raised.value.code == code


def test_a_moto_that_does_not_answer_is_an_error_of_the_service() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ServiceError, match="moto did not answer s3:GetObject") as raised:
        exchange(refuse)
    assert raised.value.status == 500


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


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("PutObject", True),
        ("DeleteObjects", True),
        ("BatchDeleteImage", True),
        ("GetObject", False),
        ("HeadObject", False),
        ("ListObjectsV2", False),
        ("BatchGetImage", False),
        ("DescribeImages", False),
    ],
)
def test_what_writes_is_known_by_its_name(operation: str, changes: bool) -> None:
    assert changes_something(ApiCall("s3", operation, {})) is changes
