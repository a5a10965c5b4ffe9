import json
from http import HTTPStatus
from typing import Any

import pytest

from common import problem
from common.event import Event
from common.problem import (
    BadRequest,
    BadUpstream,
    NotAllowed,
    NotFound,
    Problem,
    Response,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedType,
    document,
    problem_responses,
)

STATUSES = {
    BadRequest: 400,
    NotFound: 404,
    TooLarge: 413,
    UnsupportedType: 415,
    BadUpstream: 502,
    TooSlow: 504,
}


class Traces:
    """A log that keeps the messages of exceptions."""

    def __init__(self) -> None:
        self.messages: list[object] = []

        self.id: str | None = "of an earlier request"

    def exception(self, msg: object, /) -> None:
        self.messages.append(msg)

    def set_correlation_id(self, value: str | None) -> None:
        self.id = value


def answer_of(raised: Exception, log: Traces) -> Response:
    @problem_responses(log)
    def handler(_event: Event, _context: object) -> Response:
        raise raised

    return handler({}, None)


def body_of(response: Response) -> dict[str, Any]:
    assert response["headers"]["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response["body"])
    return body


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_each_problem_has_its_status(kind: type[Problem]) -> None:
    log = Traces()
    response = answer_of(kind("One sentence."), log)
    status = STATUSES[kind]
    assert response["statusCode"] == status
    assert body_of(response) == {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "One sentence.",
    }
    assert "Retry-After" not in response["headers"]
    assert log.messages == []  # not logged as an error


def test_unavailable_has_retry_after() -> None:
    response = answer_of(Unavailable("Later.", retry_after_s=30), Traces())
    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "30"


def test_not_allowed_names_what_is() -> None:
    response = answer_of(NotAllowed("Not PUT.", allow=("GET", "OPTIONS")), Traces())
    assert response["statusCode"] == 405
    assert response["headers"]["Allow"] == "GET, OPTIONS"


@pytest.mark.parametrize("raised", [BadRequest("One sentence."), RuntimeError()])
def test_the_id_of_the_request_is_in_the_answer_and_in_each_line(raised: Exception) -> None:
    @problem_responses(log := Traces())
    def handler(_event: Event, _context: object) -> Response:
        raise raised

    response = handler({"requestContext": {"requestId": "request-1"}}, None)
    assert body_of(response)["request_id"] == log.id == "request-1"
    handler({}, None)
    assert log.id is None


def test_a_problem_has_a_reason() -> None:
    assert BadRequest("x").reason == "BadRequest"
    assert Unavailable("x", retry_after_s=1, reason="busy").reason == "busy"


def test_every_problem_is_listed_in_the_docstring() -> None:
    family = {kind.__name__ for kind in Problem.__subclasses__()}
    assert family == {kind.__name__ for kind in STATUSES} | {"Unavailable", "NotAllowed"}
    assert family | {"Problem", "problem_responses", "document"} == set(problem.__all__)
    for name in family:
        assert f"── {name} " in (problem.__doc__ or "")


def test_unexpected_exception_is_a_bare_500_and_is_logged() -> None:
    log = Traces()
    response = answer_of(RuntimeError("arn:aws:iam::123456789012:role/x at /var/task"), log)
    assert response["statusCode"] == 500
    body = body_of(response)
    assert body["title"] == "Internal Server Error"
    assert "arn:" not in response["body"]
    assert "/var" not in response["body"]
    assert log.messages == ["unexpected"]


def test_a_keyboard_interrupt_is_not_swallowed() -> None:
    @problem_responses(Traces())
    def handler(_event: Event, _context: object) -> Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handler({}, None)


def test_response_is_not_changed() -> None:
    @problem_responses(Traces())
    def handler(event: Event, _context: object) -> Response:
        return {"statusCode": 200, "body": event["body"]}

    assert handler({"body": "x"}, None) == {"statusCode": 200, "body": "x", "headers": {}}


def test_a_document_is_never_cached_nor_sniffed() -> None:
    headers = document(HTTPStatus.NOT_FOUND, "Nothing.")["headers"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
