"""The Lambda proxy integration: a request as an event, and a function's answer as a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.origins import host_name

_DEFAULT_TYPE = "application/json"
_STATUSES = range(200, 600)
_WITHOUT_BODY = {204, 304}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\0-\x08\x0a-\x1f\x7f]*")  # RFC 9110, 5.5
#: Headers of a function's answer that the gateway writes itself.
_OF_THE_CONNECTION = {"content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True)
class ProxyApi:
    """The properties of an API that its proxy integrations depend on."""

    api_id: str
    stage: str
    binary_media_types: tuple[str, ...]

    def is_binary(self, header: str) -> bool:
        """Return whether a Content-Type, or an Accept by its first type, names a binary type.

        An asterisk of the API's list covers any type or subtype; a request without the header
        counts as application/json.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html
        """
        first = header.partition(",")[0].partition(";")[0]
        named = first.strip().lower() or _DEFAULT_TYPE
        return any(_covers(each.lower(), named) for each in self.binary_media_types)


def proxy_event(
    request: Request, api: ProxyApi, path: str, body: bytes, request_id: str
) -> dict[str, Any]:
    """Return the event that a function gets for a request to the route `path`."""
    binary = bool(body) and api.is_binary(request.headers.get("content-type", ""))
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
            "path": request.scope["path"],
            "stage": api.stage,
            "requestId": request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "protocol": "HTTP/1.1",
            "domainName": host_name(request.headers.get("host", "")),
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
        if answer.get("isBase64Encoded") and api.is_binary(request.headers.get("accept", "")):
            content = base64.b64decode(body, validate=True)
        response = Response(b"" if status in _WITHOUT_BODY else content, status)
        headers = {name: [value] for name, value in (answer.get("headers") or {}).items()}
        headers |= answer.get("multiValueHeaders") or {}
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = [_DEFAULT_TYPE]
        for name, values in headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                for value in values:
                    response.headers.append(name, str(value))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    lines = (f"{name}: {value}" for name, value in response.headers.items())
    is_sound = status in _STATUSES and all(map(_HEADER.fullmatch, lines))
    return response if is_sound else None


def _covers(pattern: str, media_type: str) -> bool:
    parts = zip(pattern.split("/"), media_type.split("/"), strict=False)
    same_form = pattern.count("/") == media_type.count("/")
    return pattern == "*/*" or (same_form and all(a in {"*", b} for a, b in parts))
