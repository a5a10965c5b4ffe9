"""moto's server as the offline cloud runs it, with three calls of Step Functions corrected.

`python -m kennel.cloud.moto_backend.app 5000` listens on loopback. StartExecution gives an
execution a name where the caller gave none, StopExecution is reliable (see stop.py), and
RedriveExecution, which moto lacks, is refused by name. Every other call goes to moto as it came.
"""

import contextlib
import io
import json
import sys
import time
import uuid
from http import HTTPStatus
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from kennel.cloud.moto_backend.stop import NotStarted, Stop

_PREFIX = "AWSStepFunctions."
Json = dict[str, Any]


class MotoApp:
    """A WSGI application over moto's."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Json, start_response: Any) -> Any:
        """Answer one HTTP request."""
        match environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(_PREFIX):
            case "StartExecution":
                return self._moto(_named(environ), start_response)
            case "StopExecution":
                return self._stop(environ)(environ, start_response)
            case "RedriveExecution":
                message = (
                    "the offline cloud does not emulate states:RedriveExecution: "
                    "start a new execution"
                )
                return _error("NotImplementedOffline", message, 501)(environ, start_response)
        return self._moto(environ, start_response)

    def _stop(self, environ: Json) -> Response:
        body = Request(environ).get_data()
        environ = _with_body(environ, body)
        execution = _execution(body)
        if execution is None:
            return Response.from_app(self._moto, environ)  # moto refuses it
        try:
            stop = Stop(execution)
        except NotStarted as error:
            return _error("ServiceUnavailable", str(error), 503)
        answer = Response.from_app(self._moto, environ)
        if answer.status_code == HTTPStatus.OK:
            stop.accepted()
            _add_stop_date(answer)
        else:
            stop.refused()
        return answer


def _add_stop_date(answer: Response) -> None:
    """Add the time of the stop, which moto answers only if the interpreter has ended by then."""
    body = json.loads(answer.get_data())
    if body.get("stopDate") is None:
        answer.set_data(json.dumps({**body, "stopDate": time.time()}))


def _named(environ: Json) -> Json:
    """Return a StartExecution with a name: moto calls every execution without one "None"."""
    body = Request(environ).get_data()
    with contextlib.suppress(ValueError):
        request = json.loads(body or b"{}")
        if isinstance(request, dict) and request.get("name") is None:
            body = json.dumps({**request, "name": str(uuid.uuid4())}).encode()
    return _with_body(environ, body)


def _with_body(environ: Json, body: bytes) -> Json:
    return {**environ, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}


def _execution(body: bytes) -> Any:
    """Return moto's record of the execution that a call names; None when it has none."""
    try:
        arn = json.loads(body or b"{}")["executionArn"]
        _, _, _, region, account, *_ = arn.split(":")
        return stepfunctions_parser_backends[account][region].describe_execution(arn)
    except (ValueError, KeyError, TypeError, AttributeError, JsonRESTError):
        return None


def _error(code: str, message: str, status: int) -> Response:
    """Return an error in the form of Step Functions."""
    body = json.dumps({"__type": code, "message": message})
    answer = Response(body, status, content_type="application/x-amz-json-1.0")
    answer.headers["x-amzn-errortype"] = code
    return answer


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        MotoApp(),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
