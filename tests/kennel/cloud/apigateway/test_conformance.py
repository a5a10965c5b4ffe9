"""What API Gateway does with a request, each rule with the documentation page that says so."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.conformance_case import Absent, Like, differences
from tests.kennel.cloud.apigateway.projects import HTTP, REST
from tests.kennel.cloud.apigateway.serving import Served, echo, read

_DEVELOPER = "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
_EVENT = f"{_DEVELOPER}set-up-lambda-proxy-integrations.html"
_HTTP_EVENT = f"{_DEVELOPER}http-api-develop-integrations-lambda.html"
_HTTP_ROUTES = f"{_DEVELOPER}http-api-develop-routes.html"
_HTTP_CORS = f"{_DEVELOPER}http-api-cors.html"
#: What a real API answered, recorded there.
_RECORDED = (
    "https://github.com/localstack/localstack/blob/main/tests/aws/services/apigateway/"
    "test_apigateway_lambda.snapshot.json"
)
_RECORDED_TYPES = "https://github.com/ministackorg/ministack/pull/766"
_RECORDED_PATHS = "https://github.com/hotsock/voker/pull/8"
_RECORDED_STAGES = "https://github.com/aws-powertools/powertools-lambda-python/issues/621"


@dataclass(frozen=True)
class Rule:
    """A request and the event that the function gets, or the answer without one.

    Attributes
    ----------
    url
        After the API's own address.
    """

    name: str
    api: str
    url: str
    source: str
    event: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    answer: Any = None
    headers: dict[str, Any] = field(default_factory=dict)
    method: str = "GET"
    sent: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


def _path(path: str, resource: str, parameters: dict[str, str] | None) -> dict[str, Any]:
    return {
        "path": path,
        "resource": resource,
        "pathParameters": parameters,
        "requestContext": {"resourcePath": resource, "path": f"/dev{path}"},
    }


RULES = [
    Rule("the root is a resource", REST, "/dev", _EVENT, event={"path": "/", "resource": "/"}),
    Rule(
        "a static segment wins over a parameter",
        REST,
        "/dev/dogs/best",
        _EVENT,
        event=_path("/dogs/best", "/dogs/best", None),
    ),
    Rule(
        "a parameter wins over a greedy one",
        REST,
        "/dev/dogs/7",
        _EVENT,
        event=_path("/dogs/7", "/dogs/{id}", {"id": "7"}),
    ),
    Rule(
        "a greedy parameter takes what is left",
        REST,
        "/dev/dogs/7/photos/1",
        _EVENT,
        event=_path("/dogs/7/photos/1", "/dogs/{proxy+}", {"proxy": "7/photos/1"}),
    ),
    Rule(
        "the path alone chooses the resource, and the method is its",
        REST,
        "/dev/dogs/best",
        _EVENT,
        method="POST",
        status=403,
        answer={"message": "Missing Authentication Token"},
    ),
    Rule(
        "any method of a resource has the request's name",
        REST,
        "/dev/dogs/7",
        _EVENT,
        method="DELETE",
        event={"httpMethod": "DELETE", "requestContext": {"httpMethod": "DELETE"}},
    ),
    Rule(
        "a path's last slash counts for no resource, and stays in the event",
        REST,
        "/dev/dogs/7/8/",
        _RECORDED,
        event={"path": "/dogs/7/8/", "pathParameters": {"proxy": "7/8"}},
    ),
    Rule(
        "a REST API leaves the escapes in a path",
        REST,
        "/dev/dogs/a%2Bb@c+d",
        _RECORDED,
        event=_path("/dogs/a%2Bb@c+d", "/dogs/{id}", {"id": "a%2Bb@c+d"}),
    ),
    Rule(
        "a REST API takes the escapes out of a query",
        REST,
        "/dev/dogs?email=a%2Bb&plus=a+b&n=1&n=2",
        _RECORDED,
        event={
            "queryStringParameters": {"email": "a+b", "plus": "a b", "n": "2"},
            "multiValueQueryStringParameters": {"n": ["1", "2"]},
        },
    ),
    Rule(
        "stage variables reach the function",
        REST,
        "/dev/dogs",
        f"{_DEVELOPER}aws-api-gateway-stage-variables-reference.html",
        event={"stageVariables": {"table": "dogs"}},
    ),
    Rule(
        "the context names the API, the stage and the caller",
        REST,
        "/dev/dogs",
        _RECORDED,
        sent={"X-Forwarded-For": "10.0.0.1"},
        event={
            "body": None,
            "headers": {
                "x-forwarded-for": "10.0.0.1, testclient",
                "x-forwarded-port": "80",
                "x-forwarded-proto": "http",
            },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "tried-Api",
                "stage": "dev",
                "protocol": "HTTP/1.1",
                "requestTime": Like(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"),
                "domainName": "tried-api.execute-api.localhost",
                "domainPrefix": "tried-api",
                "identity": {"accessKey": None, "userArn": None, "sourceIp": "testclient"},
            },
        },
    ),
    Rule(
        "a stage that does not exist is forbidden",
        REST,
        "/other/dogs",
        f"{_DEVELOPER}how-to-call-api.html",
        status=403,
        answer={"message": "Forbidden"},
    ),
    Rule(
        "an HTTP API's event has format 2.0",
        HTTP,
        "/dogs/7?n=1&n=2&m=3",
        _HTTP_EVENT,
        sent={"X-Dog": "yes", "Cookie": "a=1; b=2"},
        event={
            "version": "2.0",
            "routeKey": "GET /dogs/{id}",
            "rawPath": "/dogs/7",
            "rawQueryString": "n=1&n=2&m=3",
            "cookies": ["a=1", "b=2"],
            "headers": {"x-dog": "yes", "cookie": Absent()},
            "queryStringParameters": {"n": "1,2", "m": "3"},
            "pathParameters": {"id": "7"},
            "stageVariables": {"table": "dogs"},
            "isBase64Encoded": False,
            "body": Absent(),
            "requestContext": {
                "stage": "$default",
                "routeKey": "GET /dogs/{id}",
                "http": {"method": "GET", "path": "/dogs/7", "sourceIp": "testclient"},
            },
        },
    ),
    Rule(
        "a named stage is in an HTTP API's path, and not the default one",
        HTTP,
        "/prod/dogs/7",
        _RECORDED_STAGES,
        event={
            "rawPath": "/prod/dogs/7",
            "routeKey": "GET /dogs/{id}",
            "requestContext": {"stage": "prod", "http": {"path": "/prod/dogs/7"}},
        },
    ),
    Rule(
        "an HTTP API takes the escapes out of a path",
        HTTP,
        "/dogs/a%2Bb%20c",
        _RECORDED_PATHS,
        event={"rawPath": "/dogs/a+b c", "pathParameters": {"id": "a+b c"}},
    ),
    Rule(
        "a greedy route is chosen where no route fits whole",
        HTTP,
        "/dogs/cat/1",
        _HTTP_ROUTES,
        event={"routeKey": "GET /dogs/{proxy+}", "pathParameters": {"proxy": "cat/1"}},
    ),
    Rule(
        "the default route takes every path and method that no other does",
        HTTP,
        "/dogs/cat/1",
        _HTTP_ROUTES,
        method="PUT",
        event={"routeKey": "$default", "pathParameters": Absent()},
    ),
    Rule(
        "a route may have events in format 1.0",
        HTTP,
        "/old",
        _HTTP_EVENT,
        method="POST",
        event={"version": "1.0", "resource": "/old", "httpMethod": "POST"},
    ),
    *(
        Rule(
            f"a body of {content_type or 'no type'} reaches an HTTP API's function {how}",
            HTTP,
            "/x",
            _RECORDED_TYPES,
            method="POST",
            content=b"a=1",
            sent={"content-type": content_type} if content_type else {},
            event={"isBase64Encoded": is_binary, "body": "YT0x" if is_binary else "a=1"},
        )
        for content_type, is_binary, how in (
            ("text/csv", False, "as text"),
            ("application/json; charset=utf-8", False, "as text"),
            ("application/x-www-form-urlencoded", True, "in base64"),
            ("image/png", True, "in base64"),
            ("", True, "in base64"),
        )
    ),
    Rule(
        "a preflight is answered without a route",
        HTTP,
        "/dogs/7",
        _HTTP_CORS,
        method="OPTIONS",
        sent={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"},
        status=204,
        headers={
            "access-control-allow-origin": "https://a.example",
            "access-control-allow-methods": "GET,POST",
            "access-control-allow-headers": "x-dog",
            "access-control-max-age": "5",
        },
    ),
    Rule(
        "a preflight of another origin gets no permission",
        HTTP,
        "/dogs/7",
        _HTTP_CORS,
        method="OPTIONS",
        sent={"Origin": "https://b.example", "Access-Control-Request-Method": "POST"},
        status=204,
        headers={"access-control-allow-origin": Absent()},
    ),
    Rule(
        "an origin may be allowed by its scheme, and answers are marked",
        HTTP,
        "/dogs/7",
        _HTTP_CORS,
        sent={"Origin": "http://localhost:3000"},
        headers={
            "access-control-allow-origin": "http://localhost:3000",
            "access-control-expose-headers": "x-cat",
        },
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each.name)
def test_rule(rule: Rule, tmp_path: Path) -> None:
    served = Served(read(rule.api, tmp_path), echo)
    api = "tried-api" if rule.api == REST else "tried-web"
    answer = served.client.request(
        rule.method,
        f"http://{api}.execute-api.localhost{rule.url}",
        headers=rule.sent,
        content=rule.content,
    )
    assert answer.status_code == rule.status, answer.text
    assert not differences(rule.headers, dict(answer.headers), "headers")
    if rule.answer:
        assert answer.json() == rule.answer
    if rule.event:
        assert not differences(rule.event, answer.json(), "event")


def test_every_rule_has_a_source() -> None:
    assert all(each.source.startswith("https://") for each in RULES)
