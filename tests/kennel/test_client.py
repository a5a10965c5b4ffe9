"""The client posts photos and reads whatever the API answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kennel.client import ATTEMPTS, classify
from kennel.errors import KennelError

BEAGLE = {"is_dog": True, "breeds": [{"breed": "Beagle", "probability": 0.9}]}


class Api(HTTPServer):
    """Answers with what is in `responses`, the last again and again; keeps the headers it got."""

    responses: list[tuple[int, dict[str, str], bytes]]
    received: list[dict[str, str]]


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append({"path": self.path, **dict(self.headers)})
        responses = self.server.responses
        status, headers, body = responses.pop(0) if len(responses) > 1 else responses[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api(("127.0.0.1", 0), Handler)
    server.received = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(api: Api) -> str:
    return f"http://127.0.0.1:{api.server_port}"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "dog.png"
    file.write_bytes(b"photo")
    return file


def test_a_photo_is_posted_with_its_media_type_and_the_key(api: Api, photo: Path) -> None:
    api.responses = [(200, {}, json.dumps(BEAGLE).encode())]
    (answer,) = classify([photo], f"{url(api)}/", "secret")
    assert (answer.is_dog, answer.breeds, answer.status) == (True, [("Beagle", 0.9)], 200)
    (request,) = api.received
    assert request["path"] == "/classify"
    assert (request["content-type"], request["x-api-key"]) == ("image/png", "secret")


def test_a_throttled_request_is_repeated(api: Api, photo: Path) -> None:
    throttled = (429, {"retry-after": "0"}, b"{}")
    api.responses = [throttled, throttled, (200, {}, json.dumps(BEAGLE).encode())]
    (answer,) = classify([photo], url(api), "secret")
    assert (answer.status, len(api.received)) == (200, 3)


def test_a_request_is_repeated_a_few_times_only(api: Api, photo: Path) -> None:
    api.responses = [(503, {"retry-after": "0"}, json.dumps({"title": "busy"}).encode())]
    (answer,) = classify([photo], url(api), "secret")
    assert (answer.status, answer.problem, len(api.received)) == (503, "busy", ATTEMPTS)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"detail": "broken", "title": "Bad Request"}', "broken"),
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"<html>", "400 Bad Request"),
    ],
)
def test_a_refused_photo_has_the_problem(body: bytes, problem: str, api: Api, photo: Path) -> None:
    api.responses = [(400, {}, body)]
    (answer,) = classify([photo], url(api), "secret")
    assert (answer.status, answer.problem, answer.is_dog) == (400, problem, None)


def test_no_answer_at_all_is_one_sentence(photo: Path) -> None:
    with pytest.raises(KennelError, match=r"no answer from http://127\.0\.0\.1:1 .*: is it up\?"):
        classify([photo], "http://127.0.0.1:1", "secret")
