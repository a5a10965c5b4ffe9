"""PageFunction: serves the routes that need no API key.

``GET /`` is the page, ``GET /breeds`` the live model's breeds, ``GET /openapi.json`` the API's
description; HEAD is answered as GET, and API Gateway leaves the body out. At these and at /classify
it also answers OPTIONS, and every other method with 405. They have a function of their own, to keep
the classifier's concurrency free.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common.cors import preflight
from common.environment import Environment
from common.event import Event, header
from common.log import logger
from common.problem import NotAllowed, NotFound, Response, problem_responses
from page.breeds import live_breeds
from page.document import page
from page.routes import METHODS

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["handler"]

_environment = Environment(os.environ)
_BUCKET = _environment.text("BUCKET_NAME")
_REGION = _environment.text("AWS_REGION")
_ALLOWED_ORIGIN = _environment.text("ALLOWED_ORIGIN")

_PAGE_MAX_AGE_S = 300  # changes with a deployment of this stack
_BREEDS_MAX_AGE_S = 60  # changes with a release of a model

_HTML, _POLICY = page()
_OPENAPI = (Path(__file__).parent / "openapi.json").read_text("utf-8")


@problem_responses(logger, _ALLOWED_ORIGIN)
def handler(event: Event, _context: object) -> Response:
    """Answer one request of the REST API."""
    path, method = event.get("resource", ""), event.get("httpMethod", "GET")
    allow = METHODS.get(path)
    if allow is None:
        raise NotFound(
            f"There is nothing at this path; there are {', '.join(METHODS)}.",
        )
    if method == "OPTIONS":
        headers = {"Allow": ", ".join(allow), **preflight(_ALLOWED_ORIGIN, allow)}
        return {"statusCode": 204, "headers": headers, "body": ""}
    route = _ROUTES.get(path)
    if route is None or method not in allow:
        raise NotAllowed(
            f"{method} is not answered at {path}; send {' or '.join(allow[:-1])}.", allow=allow
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
    if _has(header(event, "If-None-Match"), etag):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return {"statusCode": 200, "headers": headers, "body": body}


def _has(if_none_match: str, etag: str) -> bool:
    """Return whether an If-None-Match header lists an ETag, by weak comparison (RFC 9110)."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in {"*", etag} for tag in tags)


_ROUTES = {"/": _page, "/breeds": _breeds, "/openapi.json": _openapi}
