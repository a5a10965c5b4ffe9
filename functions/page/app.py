"""PageFunction: what a browser or a curious client asks for first; apart from the classifier.

``GET /`` is the page, ``GET /breeds`` the breeds of the live model, ``GET /openapi.json`` the API's
description. A function of its own, so that readers do not use up the classifier's concurrency.
"""

import functools
import hashlib
import json
import os
from pathlib import Path

from aws_lambda_powertools.logging import Logger

from common.environment import Environment
from common.problem import Event, NotFound, Response, answering
from page.breeds import Bucket, live_breeds
from page.document import page

__all__ = ["ROUTES", "handler"]

logger = Logger(location=None)  # named by POWERTOOLS_SERVICE_NAME
_environment = Environment(os.environ)
_BUCKET = _environment.text("BUCKET_NAME")
_REGION = _environment.text("AWS_REGION")

_PAGE_MAX_AGE_S = 300  # changes with a deployment of this stack
_BREEDS_MAX_AGE_S = 60  # changes with a release of a model

_HTML, _POLICY = page()
_OPENAPI = (Path(__file__).parent / "openapi.json").read_text("utf-8")


@answering(logger)
def handler(event: Event, _context: object) -> Response:
    """Answer one request of the REST API."""
    route = ROUTES.get(event.get("resource", ""))
    if route is None:
        raise NotFound(f"Nothing lives here; there are {', '.join(ROUTES)} and POST /classify.")
    return route(event)


def _page(event: Event) -> Response:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    return _cached(event, _HTML, _PAGE_MAX_AGE_S, headers)


def _openapi(event: Event) -> Response:
    return _cached(event, _OPENAPI, _PAGE_MAX_AGE_S, {"Content-Type": "application/json"})


def _breeds(event: Event) -> Response:
    breeds = live_breeds(_s3(), _BUCKET)
    body = json.dumps({"breeds": breeds}, ensure_ascii=False)
    return _cached(event, body, _BREEDS_MAX_AGE_S, {"Content-Type": "application/json"})


@functools.cache
def _s3() -> Bucket:
    # Not at import: boto3 takes 0.2 s to load, and most who come here only want the page.
    from common.aws import connect  # noqa: PLC0415

    client: Bucket = connect("s3", _REGION, read_timeout_s=3, attempts=2)
    return client


def _cached(event: Event, body: str, max_age_s: int, headers: dict[str, str]) -> Response:
    """Answer 200, or 304 to a browser that has this very body already."""
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:20]}"'
    headers = {
        **headers,
        "Cache-Control": f"public, max-age={max_age_s}",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    if etag in _header(event, "If-None-Match"):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return {"statusCode": 200, "headers": headers, "body": body}


def _header(event: Event, wanted: str) -> str:
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == wanted.lower():
            return str(value)
    return ""


ROUTES = {"/": _page, "/breeds": _breeds, "/openapi.json": _openapi}
