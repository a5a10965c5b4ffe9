"""The Lambda proxy integration of HTTP APIs: events and answers in format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import json
import time
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.calls import Call, clf_time
from kennel.cloud.apigateway.proxy import proxy_response, written_body

_TEXTS = {"application/json", "application/xml", "application/javascript"}
_DEFAULT_TYPE = "text/plain;charset=UTF-8"


def is_binary(request: Request) -> bool:
    """Return whether a body is written in base64: that of every type that is no text."""
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return named not in _TEXTS and not named.startswith("text/")


def http_event(call: Call, body: bytes) -> dict[str, Any]:
    """Return the event that a function gets for a call, in format 2.0."""
    request, now, path = call.request, time.time(), unquote(call.whole_path)
    headers = {
        name: ",".join(values) for name, values in call.headers().items() if name != "cookie"
    }
    cookies = [
        each.strip() for line in request.headers.getlist("cookie") for each in line.split(";")
    ]
    query = request.query_params
    binary = bool(body) and is_binary(request)
    members = {
        "cookies": cookies,
        "queryStringParameters": {name: ",".join(query.getlist(name)) for name in query},
        "pathParameters": {name: unquote(value) for name, value in call.parameters.items()},
        "stageVariables": dict(call.stage.variables),
        "body": written_body(body, binary),
    }
    return {
        "version": "2.0",
        "routeKey": call.route.key,
        "rawPath": path,
        "rawQueryString": request.scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            **call.context(),
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.scope.get('http_version', '1.1')}",
                "sourceIp": call.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "routeKey": call.route.key,
            "time": clf_time(int(now)),
            "timeEpoch": int(now * 1000),
        },
        **{name: value for name, value in members.items() if value},
        "isBase64Encoded": binary,
    }


def http_response(payload: bytes) -> Response | None:
    """Return a function's answer to the client, or None when it is malformed.

    An answer without a status is the body of a 200.
    """
    try:
        answer = json.loads(payload)
    except ValueError:
        return None
    if isinstance(answer, dict) and "statusCode" in answer:
        if cookies := answer.get("cookies"):
            many = {**(answer.get("multiValueHeaders") or {}), "set-cookie": cookies}
            payload = json.dumps({**answer, "multiValueHeaders": many}).encode()
        return proxy_response(payload, decode=True, default_type=_DEFAULT_TYPE)
    body = answer.encode() if isinstance(answer, str) else payload
    return Response(body, headers={"content-type": "application/json"})
