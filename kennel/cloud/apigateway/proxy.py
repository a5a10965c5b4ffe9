"""The Lambda proxy integration: a request as an event, and a function's answer as a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import binascii
import functools
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import pybase64
from starlette.responses import Response

from kennel.cloud.apigateway.calls import Call, clf_time
from kennel.cloud.apigateway.usage import Key

_DEFAULT_TYPE = "application/json"
_STATUSES = range(200, 600)
_WITHOUT_BODY = {204, 304}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\0-\x08\x0a-\x1f\x7f]*")  # RFC 9110, 5.5
#: Headers of a function's answer that the gateway writes itself.
_OF_THE_CONNECTION = {"content-length", "transfer-encoding", "connection"}
_NO_IDENTITY = dict.fromkeys(
    (
        *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider"),
        *("cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId"),
        *("principalOrgId", "user", "userArn"),
    )
)


@dataclass(frozen=True)
class MediaTypes:
    """The media types that an API treats as binary."""

    binary: tuple[str, ...]

    def is_binary(self, header: str) -> bool:
        """Return whether a Content-Type, or an Accept by its first type, names a binary type.

        An asterisk of the API's list covers any type or subtype; a request without the header
        counts as application/json.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html
        """
        return _is_covered(self.binary, header)


def proxy_event(call: Call, body: bytes, binary: bool, key: Key | None = None) -> dict[str, Any]:
    """Return the event that a function gets for a call, in format 1.0.

    Parameters
    ----------
    binary
        Whether the body is written in base64.
    key
        The API key that the call came with, where the route needs one.
    """
    request, many = call.request, call.headers()
    query = request.query_params
    return {
        "resource": call.route.path,
        "path": call.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": {name: query.getlist(name) for name in query} or None,
        "pathParameters": call.parameters or None,
        "stageVariables": dict(call.stage.variables) or None,
        "requestContext": request_context(call, key),
        "body": written_body(body, binary) or None,
        "isBase64Encoded": binary,
    }


def request_context(call: Call, key: Key | None = None) -> dict[str, Any]:
    """Return the requestContext of an event in format 1.0."""
    now = time.time()
    return {
        **call.context(),
        "deploymentId": call.stage.deployment,
        "extendedRequestId": call.request_id,
        "resourceId": None,
        "resourcePath": call.route.path,
        "httpMethod": call.request.method,
        "path": call.whole_path,
        "requestTime": clf_time(int(now)),
        "requestTimeEpoch": int(now * 1000),
        "protocol": "HTTP/1.1",
        "identity": {
            **_NO_IDENTITY,
            **({"apiKey": key.value, "apiKeyId": key.id} if key else {}),
            "sourceIp": call.source_ip,
            "userAgent": call.request.headers.get("user-agent"),
        },
    }


def written_body(body: bytes, binary: bool) -> str:
    """Return a body as an event has it; broken bytes of a text are replaced."""
    return pybase64.b64encode_as_string(body) if binary else body.decode(errors="replace")


def proxy_response(
    payload: bytes, decode: bool, default_type: str = _DEFAULT_TYPE
) -> Response | None:
    """Return a function's answer to the client, or None when it is malformed.

    Parameters
    ----------
    decode
        Whether a body in base64 is decoded.
    default_type
        Content-Type of an answer without one.
    """
    try:
        answer = json.loads(payload)
        status = int(answer["statusCode"])
        body = answer.get("body") or ""
        content = body.encode()
        if answer.get("isBase64Encoded") and decode:
            content = pybase64.b64decode(body, validate=True)
        response = Response(b"" if status in _WITHOUT_BODY else content, status)
        headers = {name: [value] for name, value in (answer.get("headers") or {}).items()}
        headers |= answer.get("multiValueHeaders") or {}
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = [default_type]
        for name, values in headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                for value in values:
                    text = value if isinstance(value, str) else json.dumps(value)
                    response.headers.append(name, text)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    lines = (f"{name}: {value}" for name, value in response.headers.items())
    is_sound = status in _STATUSES and all(map(_HEADER.fullmatch, lines))
    return response if is_sound else None


@functools.lru_cache(maxsize=256)  # clients send the same few, request for request
def _is_covered(patterns: tuple[str, ...], header: str) -> bool:
    first = header.partition(",")[0].partition(";")[0]
    named = first.strip().lower() or _DEFAULT_TYPE
    return any(_covers(each.lower(), named) for each in patterns)


def _covers(pattern: str, media_type: str) -> bool:
    parts = zip(pattern.split("/"), media_type.split("/"), strict=False)
    same_form = pattern.count("/") == media_type.count("/")
    return pattern == "*/*" or (same_form and all(a in {"*", b} for a, b in parts))
