"""PageFunction: the routes without an API key.

``GET /`` is the page, ``GET /breeds`` the live model's breeds, ``GET /openapi.json`` the API's
description. They have a function of their own, to keep the classifier's concurrency free.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common.environment import Environment
from common.log import logger
from common.problem import Event, NotFound, Response, problem_responses
from page.breeds import live_breeds
from page.document import page

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["ROUTES", "handler"]

_environment = Environment(os.environ)
_BUCKET = _environment.text("BUCKET_NAME")
_REGION = _environment.text("AWS_REGION")

_PAGE_MAX_AGE_S = 300  # changes with a deployment of this stack
_BREEDS_MAX_AGE_S = 60  # changes with a release of a model

_HTML, _POLICY = page()
_OPENAPI = (Path(__file__).parent / "openapi.json").read_text("utf-8")


@problem_responses(logger)
def handler(event: Event, _context: object) -> Response:
    """Answer one request of the REST API."""
    route = ROUTES.get(event.get("resource", ""))
    if route is None:
        raise NotFound(
            f"There is nothing at this path; there are {', '.join(ROUTES)} and POST /classify."
        )
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
def _s3() -> S3Client:
    # Not at import: boto3 takes 0.2 s to load, and most requests are for the page.
    import boto3  # noqa: PLC0415

    from common.aws import client_config  # noqa: PLC0415

    return boto3.client("s3", config=client_config(_REGION, read_timeout_s=3, attempts=2))


def _cached(event: Event, body: str, max_age_s: int, headers: dict[str, str]) -> Response:
    """Return 200, or 304 if the request names this body's ETag."""
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
