"""Requests for another protocol, read by a server whose application repeats what it got."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from dogbreeds.serving.upgrades import UpgradeIgnoringProtocol
from tests.raw_http import EXPECT, JAVA, WEBSOCKET, exchange, post


async def repeat(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    answer = {
        "request": f"{request.method} {scope['path']} {scope['http_version']}",
        "body": body.decode(),
        "headers": dict(request.headers),
    }
    await JSONResponse(answer)(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        repeat, port=0, http=UpgradeIgnoringProtocol, ws="none", lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("wish", [JAVA, WEBSOCKET, JAVA + EXPECT, b"Upgrade: h2c\r\n"])
@pytest.mark.parametrize("size", [1, 20, 10_000])
def test_a_body_arrives_however_it_is_cut(port: int, wish: bytes, chunked: bool, size: int) -> None:
    request = post(port, "/a%20b?x=1", wish + b"X-Y: z\r\n", b"hello", chunked=chunked)
    segments = [request[n : n + size] for n in range(0, len(request), size)]
    (answer,) = exchange(port, segments)
    repeated = json.loads(answer.body)
    assert (repeated["request"], repeated["body"]) == ("POST /a b 1.1", "hello")
    assert repeated["headers"]["x-y"] == "z"


def test_requests_after_each_other_and_in_one_segment(port: int) -> None:
    plain = post(port, "/plain", b"", b"0")
    wishes = [post(port, f"/{n}", JAVA, str(n).encode()) for n in range(600)]
    last = post(port, "/last", b"Connection: close\r\n", b"end")
    answers = exchange(port, [plain + b"".join(wishes) + last], answers=602)
    bodies = [json.loads(each.body)["body"] for each in answers]
    assert bodies == ["0", *map(str, range(600)), "end"]


def test_other_options_of_the_connection_are_kept(port: int) -> None:
    wish = b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
    (answer,) = exchange(port, [post(port, "/", wish, b"hello")])
    headers = json.loads(answer.body)["headers"]
    assert headers["connection"] == "close"
    assert "upgrade" not in headers


def test_http_1_0_stays_itself(port: int) -> None:
    request = post(port, "/", JAVA, b"hello").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    (answer,) = exchange(port, [request])
    repeated = json.loads(answer.body)
    assert (repeated["request"], repeated["body"]) == ("POST / 1.0", "hello")


@pytest.mark.parametrize(
    "request_", [b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_a_tunnel_and_http_2_are_refused(port: int, request_: bytes) -> None:
    (answer,) = exchange(port, [request_])
    assert answer.status == 400
