"""An HTTP server that answers the calls of moto's interpreter from an emulated stack."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.exceptions import ClientError

from tests.statemachine.emulated_stack import EmulatedStack

MAX_SECONDS = 120  # for one execution on a busy machine

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]  # status, headers, body


class TaskServer(ThreadingHTTPServer):
    """Receives every call that the interpreter makes for a Task state."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stack: EmulatedStack


class _Handler(BaseHTTPRequestHandler):
    server: TaskServer

    def do_POST(self) -> None:
        stack = self.server.stack
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name, call = self._parse(stack, body)
        stack.calls.append(name)
        if responses := stack.responses.get(name):
            call = responses.pop(0)
        status, headers, payload = call()
        if stack.paused_call == name:
            stack.paused.set()
            stack.resume.wait(MAX_SECONDS)
        try:
            self.send_response(status)
            for key, value in {"x-amzn-RequestId": "1", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            assert stack.paused_call == name, "only an aborted execution closes its connection"

    def _parse(self, stack: EmulatedStack, body: bytes) -> tuple[str, Callable[[], Response]]:
        """Return the call's name, and a function that executes it."""
        if "X-Amz-Target" in self.headers:
            operation = self.headers["X-Amz-Target"].split(".")[-1]
            return operation, lambda: _described(
                lambda: stack.describe(operation, json.loads(body))
            )
        if b"Action=Publish" in body:
            return "Publish", lambda: _published(stack, parse_qs(body.decode()))
        function = unquote(self.path).split("/")[3].split(":")[-1]
        event = json.loads(body)
        name = "Probe" if event.get("probe") else function
        return name, lambda: _invoked(stack, lambda: stack.invoke(function, event))

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


def raised(error_type: str, message: str) -> Callable[[], Response]:
    """Respond as Lambda does for a function that raised."""
    trace = {"errorMessage": message, "errorType": error_type, "requestId": "1", "stackTrace": []}
    return lambda: (200, {"X-Amz-Function-Error": "Unhandled"}, _json(trace))


def refused(code: str, message: str, status: int = 400) -> Callable[[], Response]:
    """Respond as an AWS service does with an error."""
    body = _json({"__type": code, "message": message})
    return lambda: (status, {"x-amzn-ErrorType": code}, body)


def _json(value: Any) -> bytes:
    def timestamp(item: Any) -> float:
        assert isinstance(item, datetime)
        return item.timestamp()

    return json.dumps(value, default=timestamp).encode()


def _described(call: Callable[[], Json]) -> Response:
    try:
        return 200, {}, _json(call())
    except ClientError as error:
        return refused(error.response["Error"]["Code"], error.response["Error"]["Message"])()


def _invoked(stack: EmulatedStack, call: Callable[[], Json]) -> Response:
    if not stack.concurrency.acquire(blocking=False):
        return refused("TooManyRequestsException", "Rate Exceeded.", 429)()
    try:
        time.sleep(stack.invocation_s)
        return 200, {}, _json(call())
    except Exception as error:  # Lambda too responds to every exception
        return raised(type(error).__name__, str(error))()
    finally:
        stack.concurrency.release()


def _published(stack: EmulatedStack, form: dict[str, list[str]]) -> Response:
    stack.messages.append({"subject": form["Subject"][0], "message": form["Message"][0]})
    result = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult>"
    return 200, {}, f"{result}</PublishResponse>".encode()
