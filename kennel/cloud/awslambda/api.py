"""Lambda's Invoke, as boto3 and Step Functions call it."""

import base64
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.description import arn_of
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.errors import not_found
from kennel.cloud.awslambda.functions import (
    REQUEST_BYTES,
    LambdaService,
    NoSuchFunction,
    RequestTooLarge,
)
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.json_text import read_json

#: By type of invocation; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LIMITS = {"Event": 2**20, "RequestResponse": REQUEST_BYTES, "DryRun": REQUEST_BYTES}

#: A member that Lambda's errors have.
_BY_USER = {"Type": "User"}


async def invoke(
    request: Request, call: ApiCall, functions: LambdaService, queue: AsynchronousInvocations
) -> Response:
    """Answer an Invoke that its caller may make.

    Raises
    ------
    ServiceError
        In Lambda's words.
    """
    name = call.parameters["FunctionName"].rpartition(":function:")[2]
    if qualifier := call.parameters.get("Qualifier"):
        name = f"{name.partition(':')[0]}:{qualifier}"
    try:
        name = functions.name_of(name)
        payload = await request.body() or b"{}"
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        _check(kind, payload)
        if kind == "DryRun":
            return Response(status_code=204, headers={"x-amzn-requestid": str(uuid4())})
        if kind == "Event":
            return Response(
                status_code=202, headers={"x-amzn-requestid": queue.send(name, payload)}
            )
        tail = request.headers.get("x-amz-log-type") == "Tail"
        outcome = await functions.invoke(name, payload, tail=tail)
    except NoSuchFunction as error:
        raise not_found(f"Function not found: {arn_of(name)}") from error
    except RequestTooLarge as error:
        raise ServiceError("RequestTooLargeException", str(error), 413, _BY_USER) from error
    except Throttled as error:
        message = "Rate Exceeded."
        raise ServiceError("TooManyRequestsException", message, 429, _BY_USER) from error
    headers = {
        "x-amzn-requestid": str(uuid4()),
        "x-amz-executed-version": "$LATEST",
        "x-kennel-cold-start": str(outcome.cold).lower(),
    }
    if outcome.log:
        headers["x-amz-log-result"] = base64.b64encode(outcome.log).decode()
    if outcome.failed:
        headers["x-amz-function-error"] = "Unhandled"
    return Response(outcome.payload, 200, headers, media_type="application/json")


def _check(kind: str, payload: bytes) -> None:
    """Raise ServiceError or RequestTooLarge for a call that Lambda refuses by itself."""
    if kind not in _LIMITS:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{kind}' at 'invocationType' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(_LIMITS)}]",
        )
    if len(payload) > _LIMITS[kind]:
        raise RequestTooLarge(
            f"Request must be smaller than {_LIMITS[kind]} bytes for the InvokeFunction operation"
        )
    try:
        read_json(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError("InvalidRequestContentException", message, 400, _BY_USER) from error
