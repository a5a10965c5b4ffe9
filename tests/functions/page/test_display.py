"""The page in a real browser, its policy in force: Chromium, an empty profile, a tiny server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from page.document import page
from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.browser import Tab, browser, chromium

pytestmark = [
    pytest.mark.rivals,
    pytest.mark.skipif(chromium() is None, reason="Chromium is not installed"),
]

BREEDS = [
    {"breed": "Bull Mastiff", "probability": 0.9},
    {"breed": "Boxer", "probability": 0.004},
]
ANSWER = {"is_dog": True, "breeds": BREEDS, "model": "lite2@1", "took_ms": 41.7}


class Api(ThreadingHTTPServer):
    """GET gives the page under a stage without its slash; POST gives what a test wants."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.status = 200
        self.answer: object = ANSWER
        self.headers: dict[str, str] = {}
        self.received: list[tuple[str, str | None, str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Requests(BaseHTTPRequestHandler):
    """What `Api` answers."""

    server: Api

    def do_GET(self) -> None:
        html, policy = page()
        self._send(
            200, html.encode(), {"Content-Security-Policy": policy, "Content-Type": "text/html"}
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen = (self.path, self.headers["Content-Type"], self.headers["x-api-key"], body)
        self.server.received.append(seen)
        self._send(self.server.status, json.dumps(self.server.answer).encode(), self.server.headers)

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
        thread = threading.Thread(target=api.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        one.look(width=1280, height=900, dark=False)
        yield one


@pytest.fixture
def api(tab: Tab) -> Iterator[Api]:
    with serving() as one:
        tab.complaints.clear()
        tab.open(one.url)
        yield one


def send(tab: Tab, photo: Path, key: str = "key-1") -> None:
    tab.run(f"at('key').value = '{key}'; at('key').dispatchEvent(new Event('input'))")
    tab.choose("#file", photo)
    tab.wait("!at('result').hidden || !at('problem').hidden")


def text(tab: Tab, element: str) -> str:
    return str(tab.run(f"at('{element}').textContent"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "dog.png"  # a JPEG by its bytes: the page must look, as the API does
    file.write_bytes(encoded(gradient(64, 48), "JPEG"))
    return file


def test_a_photo_is_sent_as_it_is_and_its_breed_shown(tab: Tab, api: Api, photo: Path) -> None:
    send(tab, photo)
    assert api.received == [("/v1/classify", "image/jpeg", "key-1", photo.read_bytes())]
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.run("[...document.querySelectorAll('.share')].map((e) => e.textContent)") == [
        "90 %",
        "< 1 %",
    ]
    assert tab.run("sessionStorage.length") == 1
    assert tab.run("localStorage.length + document.cookie.length") == 0
    assert tab.complaints == []  # the policy refused nothing of the page's own


def test_no_dog_is_said_so(tab: Tab, api: Api, photo: Path) -> None:
    api.answer = {**ANSWER, "is_dog": False}
    send(tab, photo)
    assert text(tab, "result-headline") == "No dog here"


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (400, "This file cannot be read"),
        (403, "The API key is not accepted"),
        (413, "The photo is too large"),
        (415, "This kind of file is not taken"),
        (429, "Too many photos at once"),
        (500, "Something broke on the other side"),
        (503, "The classifier is busy or not up yet"),
        (504, "The classifier took too long"),
    ],
)
def test_each_status_has_its_words(
    tab: Tab, api: Api, photo: Path, status: int, headline: str
) -> None:
    api.status, api.answer = status, {"detail": "<b>One</b> sentence."}
    send(tab, photo)
    assert text(tab, "problem-headline") == headline
    if status not in (403, 429):  # there the page knows better than the gateway
        assert text(tab, "problem-say") == "<b>One</b> sentence."
    assert tab.run("at('key').getAttribute('aria-invalid')") == ("true" if status == 403 else None)


def test_retry_after_is_counted_down(tab: Tab, api: Api, photo: Path) -> None:
    api.status, api.headers = 503, {"Retry-After": "2"}
    send(tab, photo)
    assert text(tab, "again") == "Try again in 2 s"
    assert tab.run("at('again').disabled") is True
    tab.wait("!at('again').disabled")
    api.status = 200
    tab.run("at('again').click()")
    tab.wait("!at('result').hidden")
    assert len(api.received) == 2


def test_without_a_key_nothing_is_sent(tab: Tab, api: Api, photo: Path) -> None:
    tab.run("at('key').value = ''")
    tab.choose("#file", photo)
    tab.wait("!at('preview').hidden")
    tab.run("at('send').click()")
    assert text(tab, "problem-headline") == "Enter your API key"
    assert api.received == []


def test_a_large_photo_is_made_small_in_the_browser(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    Image.effect_noise((2600, 1900), 90).save(file, "PNG", compress_level=1)
    assert file.stat().st_size > 4_000_000
    send(tab, file)
    [(_, kind, _, body)] = api.received
    assert kind == "image/jpeg"
    assert len(body) < 4_000_000
    sent = tmp_path / "sent.jpg"
    sent.write_bytes(body)
    with Image.open(sent) as image:
        assert image.size == (1600, 1169)


def test_a_file_that_is_no_photo_is_not_sent(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "letter.jpg"
    file.write_text("This is a letter.")
    send(tab, file)
    assert text(tab, "problem-headline") == "This file cannot be read"
    assert api.received == []


def test_it_fits_a_phone(tab: Tab, api: Api, photo: Path) -> None:
    tab.look(width=360, height=740, dark=True)
    try:
        send(tab, photo)
        assert tab.run("document.documentElement.scrollWidth") == 360
    finally:
        tab.look(width=1280, height=900, dark=False)
