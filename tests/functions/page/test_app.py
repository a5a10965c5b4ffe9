import importlib
import io
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from page.routes import METHODS
from tests.functions.classify.photos import FUNCTIONS
from tests.stack import source

ENVIRONMENT = {"BUCKET_NAME": "bucket", "AWS_REGION": "us-east-1", "ALLOWED_ORIGIN": ""}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    return importlib.import_module("page.app")


def get(app: ModuleType, resource: str, **headers: str) -> dict[str, Any]:
    response: dict[str, Any] = app.handler({"resource": resource, "headers": headers}, None)
    return response


def test_the_page_has_its_security_headers(app: ModuleType) -> None:
    response = get(app, "/")
    assert response["statusCode"] == 200
    assert response["body"].startswith("<!doctype html>")
    headers = response["headers"]
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("resource", ["/", "/openapi.json"])
def test_a_matching_etag_gets_304(app: ModuleType, resource: str) -> None:
    etag = get(app, resource)["headers"]["ETag"]
    again = get(app, resource, **{"if-none-match": f"W/{etag}"})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == etag
    assert get(app, resource, **{"If-None-Match": '"other"'})["statusCode"] == 200


@pytest.mark.parametrize("event", [{"resource": "/admin", "headers": None}, {}])
def test_an_unknown_path_is_a_404_that_lists_the_paths(
    app: ModuleType, event: dict[str, Any]
) -> None:
    response = app.handler(event, None)
    assert response["statusCode"] == 404
    assert "/breeds" in json.loads(response["body"])["detail"]


def test_the_routes_are_those_of_the_template() -> None:
    events = source()["Resources"]["PageFunction"]["Properties"]["Events"].values()
    assert {event["Properties"]["Path"] for event in events} == set(METHODS)
    assert {event["Properties"]["Method"] for event in events} == {"any"}


@pytest.mark.parametrize("resource", ["/", "/openapi.json"])
def test_head_is_answered_as_get(app: ModuleType, resource: str) -> None:
    event = {"resource": resource, "httpMethod": "HEAD", "headers": {}}
    assert app.handler(event, None) == get(app, resource)


@pytest.mark.parametrize(
    ("resource", "allow"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/breeds", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/classify", "POST, OPTIONS"),
    ],
)
def test_a_405_lists_the_allowed_methods(app: ModuleType, resource: str, allow: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
        if method in allow.split(", ")[:-1]:
            continue
        event = {"resource": resource, "httpMethod": method, "headers": {"Origin": "https://x"}}
        response = app.handler(event, None)
        assert response["statusCode"] == (204 if method == "OPTIONS" else 405)
        assert response["headers"]["Allow"] == allow
        assert not [name for name in response["headers"] if name.startswith("Access-Control")]


def test_pages_of_the_allowed_origin_may_read_every_answer() -> None:
    script = """
import json
from page.app import handler
from page.routes import METHODS
for path in [*METHODS, "/nothing"]:
    for method in ("GET", "OPTIONS", "PUT"):
        if path != "/breeds" or method != "GET":
            event = {"resource": path, "httpMethod": method, "headers": {}}
            print(json.dumps([path, method, handler(event, None)["headers"]]))
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **ENVIRONMENT,
            "ALLOWED_ORIGIN": "https://example.com",
            "PYTHONPATH": str(FUNCTIONS),
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == 14
    for path, method, headers in answers:
        assert headers["Access-Control-Allow-Origin"] == "https://example.com"
        assert "Retry-After" in headers["Access-Control-Expose-Headers"]
        if method == "OPTIONS" and path == "/classify":
            assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
            assert "X-Api-Key" in headers["Access-Control-Allow-Headers"]


class NoModel:
    """S3 with the breeds of one model."""

    def __init__(self) -> None:
        self.breeds = b'[{"breed": "Pug"}, {"breed": "Boxer"}]'

    def get_object(self, **_: str) -> dict[str, io.BytesIO]:
        return {"Body": io.BytesIO(self.breeds)}


def test_breeds_are_sent_again_only_after_a_release(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = NoModel()
    monkeypatch.setattr(app, "_s3", lambda: s3)
    first = get(app, "/breeds")
    assert json.loads(first["body"]) == {"breeds": ["Boxer", "Pug"]}
    assert first["headers"]["Cache-Control"] == "public, max-age=60"
    etag = first["headers"]["ETag"]
    assert get(app, "/breeds", **{"If-None-Match": etag})["statusCode"] == 304
    s3.breeds = b'[{"breed": "Pug"}]'
    assert get(app, "/breeds", **{"If-None-Match": etag})["statusCode"] == 200


@pytest.mark.parametrize(
    ("tags", "status"),
    [("*", 304), ('"a", W/{}', 304), ('"a",{} , "b"', 304), ('"a"', 200), ('x{}"', 200), ("", 200)],
)
def test_if_none_match_is_a_list(app: ModuleType, tags: str, status: int) -> None:
    etag = get(app, "/")["headers"]["ETag"]
    assert get(app, "/", **{"If-None-Match": tags.format(etag)})["statusCode"] == status


def test_the_page_alone_never_loads_boto3() -> None:
    script = """
import sys
from page.app import handler
assert handler({"resource": "/", "headers": {}}, None)["statusCode"] == 200
print("boto3" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, "PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "False"
