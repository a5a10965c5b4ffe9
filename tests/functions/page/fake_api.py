"""An API for the page: GET gives the page with its policy, POST what a test wants."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from page.document import page

BREEDS = [
    {"breed": "Bull Mastiff", "probability": 0.9},
    {"breed": "Boxer", "probability": 0.004},
]
ANSWER = {"is_dog": True, "breeds": BREEDS, "model": "lite2@1", "took_ms": 41.7}


class Received(NamedTuple):
    """A request for /classify."""

    path: str
    content_type: str | None
    key: str | None
    body: bytes


class Api(ThreadingHTTPServer):
    """GET gives the page under a stage without its slash; POST `answer`, or those of `first`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.status = 200  # 0 hangs up
        self.answer: object = ANSWER
        self.headers: dict[str, str] = {}
        self.first: list[tuple[int, object]] = []  # statuses and bodies of the first answers
        self.seconds = 0.0  # that an answer takes
        self.held: dict[bytes, threading.Event] = {}  # answers that wait, by the photo
        self.received: list[Received] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count the requests that are answered at the same time."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        yield
        with self._lock:
            self._at_once -= 1

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet when the page has aborted a request."""


class Requests(BaseHTTPRequestHandler):
    """What `Api` answers."""

    server: Api

    def do_GET(self) -> None:
        html, policy = page()
        self._send(
            200, html.encode(), {"Content-Security-Policy": policy, "Content-Type": "text/html"}
        )

    def do_POST(self) -> None:
        api = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = self.headers
        api.received.append(
            Received(self.path, headers["Content-Type"], headers["x-api-key"], body)
        )
        with api.one_more():
            if gate := api.held.get(body):
                gate.wait(timeout=30)
            elif api.seconds:
                time.sleep(api.seconds)
        status, answer = api.first.pop(0) if api.first else (api.status, api.answer)
        if status == 0:
            return
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self._send(status, text, api.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def serving() -> Iterator[Api]:
    with Api() as api:
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield api
        finally:
            for gate in api.held.values():
                gate.set()
            api.shutdown()
            thread.join()
