"""Errors that a request can end in, and the HTTP status of each.

    Problem                     one sentence for the caller
    ├── BadRequest       400    the body is broken, empty, or not in a form that the API accepts
    ├── NotFound         404    there is nothing at this path, or not yet
    ├── NotAllowed       405    there is, and not with this method
    ├── TooLarge         413    too many bytes or too many pixels
    ├── UnsupportedType  415    neither a photo of an accepted type nor JSON
    ├── BadUpstream      502    the endpoint's response is invalid
    ├── Unavailable      503    throttled, missing or still starting: retry after Retry-After
    └── TooSlow          504    the endpoint did not answer in time

Any other exception is a bug or a misconfiguration: `problem_responses` logs it with its trace for
the operator and returns a plain 500. Requests that API Gateway rejects (403 without a key, 429
above the usage plan) never reach a function; template.yaml gives those responses the same form.
Each has the request's id, by which the operator finds it in the log.

The documents follow RFC 9457 (``application/problem+json``). Their type is ``about:blank``, which
means no more than the HTTP status, so the title is the status's phrase.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Protocol

from common.cors import allowed
from common.event import Event, request_id

__all__ = [
    "BadRequest",
    "BadUpstream",
    "NotAllowed",
    "NotFound",
    "Problem",
    "TooLarge",
    "TooSlow",
    "Unavailable",
    "UnsupportedType",
    "document",
    "problem_responses",
]

Response = dict[str, Any]
Handler = Callable[[Event, object], Response]

_CRASH = (
    "Something broke on our side; the operator's log has the cause, and the same request would "
    "most likely break again."
)


class Problem(Exception):  # noqa: N818  # the family is named as the RFC names it
    """A request that cannot be answered; `str(problem)` is the sentence that the caller reads.

    A detail has what was received, what was expected and what to do, and never contains a path, an
    ARN or a trace. Raise it ``from`` its cause: the cause goes to the log only.

    Parameters
    ----------
    detail
        The sentence for the caller.
    reason
        One of a few words for the metric; by default the name of the class.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, *, reason: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason or type(self).__name__

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the response besides its content type."""
        return {}


class BadRequest(Problem):
    """The body is broken, empty, or not in a form that the API accepts."""

    status = HTTPStatus.BAD_REQUEST


class NotFound(Problem):
    """There is nothing at this path, or not yet."""

    status = HTTPStatus.NOT_FOUND


class NotAllowed(Problem):
    """The path does not answer this method.

    Parameters
    ----------
    detail, reason
        As of every problem.
    allow
        The methods that it answers, sent as ``Allow``.
    """

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, detail: str, *, allow: Sequence[str], reason: str = "") -> None:
        super().__init__(detail, reason=reason)
        self.allow = allow

    @property
    def headers(self) -> dict[str, str]:
        """The ``Allow`` header."""
        return {"Allow": ", ".join(self.allow)}


class TooLarge(Problem):
    """Too many bytes or too many pixels."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedType(Problem):
    """Neither a photo of an accepted type nor JSON, or in a content encoding that is not read.

    Parameters
    ----------
    detail, reason
        As of every problem.
    headers
        Further headers, such as ``Accept-Encoding`` (RFC 9110, 12.5.3).
    """

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(
        self, detail: str, *, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, reason=reason)
        self._headers = dict(headers or {})

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that the error response has beside the usual ones."""
        return self._headers


class BadUpstream(Problem):
    """The endpoint's response is invalid; a retry would get the same."""

    status = HTTPStatus.BAD_GATEWAY


class Unavailable(Problem):
    """Throttled, missing or still starting.

    Parameters
    ----------
    detail, reason
        As of every problem.
    retry_after_s
        Seconds to wait before a retry, sent as ``Retry-After``.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, *, retry_after_s: int, reason: str = "") -> None:
        super().__init__(detail, reason=reason)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` in seconds."""
        return {"Retry-After": str(self.retry_after_s)}


class TooSlow(Problem):
    """The endpoint did not answer in time."""

    status = HTTPStatus.GATEWAY_TIMEOUT


class Log(Protocol):
    """The methods of a logger that are used here."""

    def exception(self, msg: object, /) -> None:
        """Log `msg` with the trace of the exception being handled."""

    def set_correlation_id(self, value: str | None) -> None:
        """Put the id of a request in each line until the next one."""


def document(
    status: HTTPStatus,
    detail: str,
    headers: Mapping[str, str] | None = None,
    request_id: str = "",
) -> Response:
    """Build the proxy response with a problem document.

    Parameters
    ----------
    status
        HTTP status; its phrase becomes the title.
    detail
        One sentence for the caller.
    headers
        Further headers of the response, such as ``Retry-After``.
    request_id
        The request's, if it has one.

    Returns
    -------
    dict
        API Gateway's proxy response: statusCode, headers, body.
    """
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    if request_id:
        body["request_id"] = request_id
    return {
        "statusCode": int(status),
        "headers": {
            "Content-Type": "application/problem+json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        "body": json.dumps(body, ensure_ascii=False),
    }


def problem_responses(log: Log, allowed_origin: str = "") -> Callable[[Handler], Handler]:
    """Decorate a handler so that every exception becomes a problem document.

    Parameters
    ----------
    log
        Has the request's id in each line, and the trace of an unexpected exception.
    allowed_origin
        Whose pages may read the answers (see `common.cors`).

    Returns
    -------
    callable
        A decorator for ``handler(event, context)``.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def answer(event: Event, context: object) -> Response:
            log.set_correlation_id(request_id(event) or None)
            try:
                response = handler(event, context)
            except Problem as problem:
                response = document(
                    problem.status, problem.detail, problem.headers, request_id(event)
                )
            except Exception:  # otherwise Lambda's response would hold the trace
                log.exception("unexpected")
                status = HTTPStatus.INTERNAL_SERVER_ERROR
                response = document(status, _CRASH, request_id=request_id(event))
            headers = {**(response.get("headers") or {}), **allowed(allowed_origin)}
            return {**response, "headers": headers}

        return answer

    return decorate
