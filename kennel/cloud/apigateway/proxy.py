"""The Lambda proxy integration: a request as an event, and a function's answer as a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.names import ACCOUNT


@dataclass(frozen=True)
class ProxyApi:
    """The properties of an API that its proxy integrations depend on."""

    api_id: str
    stage: str
    binary_media_types: tuple[str, ...]

    def is_binary(self, media_type: str) -> bool:
        """Return whether bodies of this media type are passed on as bytes."""
        return media_type in self.binary_media_types or "*/*" in self.binary_media_types


def proxy_event(
    request: Request, api: ProxyApi, path: str, body: bytes, request_id: str
) -> dict[str, Any]:
    """Return the event that a function gets for a request to the route `path`."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    binary = bool(body) and api.is_binary(media_type)
    many: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        many.setdefault(name, []).append(value)
    query = request.query_params
    return {
        "resource": path,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": {key: query.getlist(key) for key in query} or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": api.api_id,
            "resourcePath": path,
            "httpMethod": request.method,
            "path": request.url.path,
            "stage": api.stage,
            "requestId": request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "protocol": "HTTP/1.1",
            "domainName": request.url.hostname,
            "identity": {
                "sourceIp": request.client.host if request.client else None,
                "userAgent": request.headers.get("user-agent"),
            },
        },
        # A body of no binary media type reaches the function as text, broken bytes replaced.
        "body": (base64.b64encode(body).decode() if binary else body.decode(errors="replace"))
        or None,
        "isBase64Encoded": binary,
    }


def proxy_response(request: Request, api: ProxyApi, payload: bytes) -> Response | None:
    """Return the function's answer to the client, or None when it is malformed (a 502)."""
    try:
        answer = json.loads(payload)
        status = int(answer["statusCode"])
        body = answer.get("body") or ""
        content = body.encode()
        if answer.get("isBase64Encoded") and api.is_binary(_first_accepted(request)):
            content = base64.b64decode(body, validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    response = Response(content, status)
    headers = {name: [value] for name, value in (answer.get("headers") or {}).items()}
    headers |= answer.get("multiValueHeaders") or {}
    headers.setdefault("Content-Type", ["application/json"])
    for name, values in headers.items():
        for value in values:
            response.headers.append(name, str(value))
    return response


def _first_accepted(request: Request) -> str:
    return request.headers.get("accept", "").split(",")[0].split(";")[0].strip().lower()
