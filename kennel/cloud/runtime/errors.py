"""A service's refusal in its own protocol, so that boto3 raises what it raises on AWS."""

import uuid
from xml.sax.saxutils import escape

from starlette.responses import JSONResponse, Response

#: Services that speak XML: how a refusal for lack of permission is called and wrapped there.
_QUERY = {"sns": "AuthorizationError", "iam": "AccessDenied", "sts": "AccessDenied"}
_JSON_TYPE = "application/x-amz-json-1.1"


def refusal(service: str, code: str, message: str, status: int = 400) -> Response:
    """Return an error of `service` (as a signature names it)."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id}
    text, ids = escape(message), f"<RequestId>{request_id}</RequestId>"
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{text}</Message>{ids}</Error>"
    elif service == "ec2":
        error = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<Response><Errors>{error}</Errors>{ids}</Response>"
    elif service in _QUERY:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<ErrorResponse>{error}{ids}</ErrorResponse>"
    else:
        json = {"__type": code, "message": message, "Message": message}
        headers["x-amzn-errortype"] = code
        return JSONResponse(json, status, headers, media_type=_JSON_TYPE)
    return Response(f'<?xml version="1.0"?>{body}', status, headers, media_type="text/xml")


def access_denied(service: str, message: str) -> Response:
    """Return the refusal of a call that the caller's role does not allow."""
    if service == "s3":
        return refusal(service, "AccessDenied", message, 403)
    if service == "ec2":
        return refusal(service, "UnauthorizedOperation", message, 403)
    if service in _QUERY:
        return refusal(service, _QUERY[service], message, 403)
    return refusal(service, "AccessDeniedException", message)
