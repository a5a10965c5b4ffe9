"""Lambda's own HTTP interface: Invoke, as boto3 and Step Functions call it."""

import re
from urllib.parse import unquote
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.functions import LambdaService, NoSuchFunction, RequestTooLarge
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.identity import Access, AccessDenied

#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: asynchronous, 1 MB.
EVENT_BYTES = 2**20

_INVOKE = re.compile(r"/2015-03-31/functions/(.+)/invocations")


async def answer(
    request: Request,
    access_key: str,
    functions: LambdaService,
    queue: AsynchronousInvocations,
    access: Access,
) -> Response:
    """Answer a signed call to Lambda."""
    match = _INVOKE.fullmatch(unquote(request.url.path))
    if match is None or request.method != "POST":
        call = f"{request.method} {request.url.path}"
        return _error("NotImplementedOffline", f"the offline cloud has no Lambda call {call}", 501)
    name = match[1].split(":function:")[-1]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    try:
        access.check(access_key, "lambda:InvokeFunction", arn)
        functions.name_of(name)
        payload = await request.body() or b"{}"
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Response(status_code=204, headers={"x-amzn-requestid": str(uuid4())})
        if kind == "Event":
            if len(payload) > EVENT_BYTES:
                raise RequestTooLarge(
                    f"Request must be smaller than {EVENT_BYTES} bytes for the InvokeFunction "
                    "operation"
                )
            return Response(
                status_code=202, headers={"x-amzn-requestid": queue.send(name, payload)}
            )
        outcome = await functions.invoke(name, payload)
    except AccessDenied as error:
        return _error("AccessDeniedException", str(error), 403)
    except NoSuchFunction:
        return _error("ResourceNotFoundException", f"Function not found: {arn}", 404)
    except RequestTooLarge as error:
        return _error("RequestTooLargeException", str(error), 413)
    except Throttled:
        return _error("TooManyRequestsException", "Rate Exceeded.", 429)
    headers = {
        "x-amzn-requestid": str(uuid4()),
        "x-amz-executed-version": "$LATEST",
        "x-kennel-cold-start": str(outcome.cold).lower(),
    }
    if outcome.failed:
        headers["x-amz-function-error"] = "Unhandled"
    return Response(outcome.payload, 200, headers, media_type="application/json")


def _error(code: str, message: str, status: int) -> Response:
    body = {"Type": "User", "Message": message, "message": message}
    return JSONResponse(body, status, {"x-amzn-errortype": code, "x-amzn-requestid": str(uuid4())})
