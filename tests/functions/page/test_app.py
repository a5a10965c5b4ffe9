import importlib
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.functions.classify.photos import FUNCTIONS
from tests.stack import source

ENVIRONMENT = {"BUCKET_NAME": "bucket", "AWS_REGION": "us-east-1"}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    return importlib.import_module("page.app")


def get(app: ModuleType, resource: str, **headers: str) -> dict[str, Any]:
    response: dict[str, Any] = app.handler({"resource": resource, "headers": headers}, None)
    return response


def test_the_page_comes_with_its_armour(app: ModuleType) -> None:
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
def test_a_browser_that_has_it_is_told_so(app: ModuleType, resource: str) -> None:
    etag = get(app, resource)["headers"]["ETag"]
    again = get(app, resource, **{"if-none-match": f"W/{etag}"})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == etag
    assert get(app, resource, **{"If-None-Match": '"other"'})["statusCode"] == 200


@pytest.mark.parametrize("event", [{"resource": "/admin", "headers": None}, {}])
def test_elsewhere_there_is_nothing(app: ModuleType, event: dict[str, Any]) -> None:
    response = app.handler(event, None)
    assert response["statusCode"] == 404
    assert "/breeds" in json.loads(response["body"])["detail"]


def test_the_routes_are_those_of_the_template(app: ModuleType) -> None:
    events = source()["Resources"]["PageFunction"]["Properties"]["Events"].values()
    assert {event["Properties"]["Path"] for event in events} == set(app.ROUTES)


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
