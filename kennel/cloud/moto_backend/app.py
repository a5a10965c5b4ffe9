"""moto's server as the offline cloud runs it: moto, and RedriveExecution in front of it.

`python -m kennel.cloud.moto_backend.app 5000` listens on loopback. All but the calls
that tell of redrives goes to moto as it came.
"""

import io
import json
import sys
from datetime import datetime
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from kennel.cloud.moto_backend.redrive import (
    Execution,
    NotImitated,
    NotRedrivable,
    Redrives,
    not_redrivable,
)
from kennel.cloud.runtime.shapes import service_model
from kennel.cloud.sagemaker.shapes import broken_constraints

_PREFIX = "AWSStepFunctions."
Json = dict[str, Any]


class MotoApp:
    """A WSGI application over moto's."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._redrives = Redrives()

    def __call__(self, environ: Json, start_response: Any) -> Any:
        """Answer one HTTP request."""
        answers = {
            "RedriveExecution": self._redrive,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
        }
        operation = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(_PREFIX)
        if operation not in answers:
            return self._moto(environ, start_response)
        request = json.loads(Request(environ).get_data() or b"{}")
        return answers[operation](environ, request)(environ, start_response)

    def _ask(self, environ: Json, operation: str, request: Json) -> Response:
        body = json.dumps(request).encode()
        return Response.from_app(
            self._moto,
            {
                **environ,
                "HTTP_X_AMZ_TARGET": _PREFIX + operation,
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
            },
        )

    def _redrive(self, environ: Json, request: Json) -> Response:
        shape = service_model("stepfunctions").operation_model("RedriveExecution").input_shape
        if sentence := broken_constraints(shape, request):
            return _refusal("ValidationException", sentence)
        arn = request["executionArn"]
        described = self._ask(environ, "DescribeExecution", {"executionArn": arn})
        if described.status_code != HTTPStatus.OK:  # no such execution, or no ARN
            return described
        try:
            date = self._redrives.redrive(_execution(arn), request.get("clientToken"))
        except NotRedrivable as reason:
            return _refusal("ExecutionNotRedrivable", str(reason))
        except NotImitated as reason:
            return _refusal("NotImplementedOffline", str(reason), 501)
        return _json({"redriveDate": date.timestamp()})

    def _describe(self, environ: Json, request: Json) -> Response:
        answer = self._ask(environ, "DescribeExecution", request)
        if answer.status_code != HTTPStatus.OK:
            return answer
        execution = _execution(request["executionArn"])
        reason = not_redrivable(execution)
        status = {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
        said = {**json.loads(answer.get_data()), **self._told(execution)}
        return _json({**said, **(status if reason else {"redriveStatus": "REDRIVABLE"})})

    def _list(self, environ: Json, request: Json) -> Response:
        answer = self._ask(environ, "ListExecutions", request)
        if answer.status_code != HTTPStatus.OK:
            return answer
        page = json.loads(answer.get_data())
        listed = [
            {**each, **self._told(_execution(each["executionArn"]))} for each in page["executions"]
        ]
        wanted = request.get("redriveFilter")
        kept = [each for each in listed if wanted in {None, _filter(each)}]
        return _json({**page, "executions": kept})

    def _told(self, execution: Execution) -> Json:
        redriven = self._redrives.of(execution)
        date: datetime | None = redriven.date
        told: Json = {"redriveCount": redriven.count}
        return {**told, "redriveDate": date.timestamp()} if date else told


def _filter(listed: Json) -> str:
    return "REDRIVEN" if listed["redriveCount"] else "NOT_REDRIVEN"


def _execution(arn: str) -> Execution:
    _, _, _, region, account, *_ = arn.split(":")
    return stepfunctions_parser_backends[account][region].describe_execution(arn)


def _json(answer: Json, status: int = 200) -> Response:
    return Response(json.dumps(answer), status, content_type="application/x-amz-json-1.0")


def _refusal(code: str, message: str, status: int = 400) -> Response:
    answer = _json({"__type": code, "message": message}, status)
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
