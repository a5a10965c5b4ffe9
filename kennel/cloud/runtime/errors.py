"""Errors of AWS services, written in the called service's own protocol.

boto3 then raises what it raises on AWS. botocore's model of a service names its protocol:
https://smithy.io/2.0/aws/protocols/index.html
"""

import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from starlette.responses import JSONResponse, Response

from kennel.cloud.runtime.shapes import model_name, service_model

#: Service -> (code, status) of a call that the caller's role does not allow.
_DENIALS = {
    "s3": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "sns": ("AuthorizationError", 403),
    "lambda": ("AccessDeniedException", 403),
}
#: The same by protocol, for every other service.
_DENIALS_BY_PROTOCOL = {"query": ("AccessDenied", 403)}
_DENIAL = ("AccessDeniedException", 400)


class ServiceError(Exception):
    """An error that an AWS service answers.

    Parameters
    ----------
    code
        The exception's name in the service's protocol, such as ValidationException.
    message
        What the service says about it.
    status
        HTTP status.
    details
        Further members of the error's shape.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        details: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = details or {}


def not_implemented(message: str) -> ServiceError:
    """Return the error for what AWS does and the offline cloud does not."""
    return ServiceError("NotImplementedOffline", message, 501)


def access_denied(service: str, message: str) -> ServiceError:
    """Return the error for a call that the caller's role does not allow."""
    name = model_name(service)
    default = _DENIALS_BY_PROTOCOL.get(protocol_of(service), _DENIAL)
    code, status = _DENIALS.get(name, default)
    return ServiceError(code, message, status)


def protocol_of(service: str, content_type: str = "") -> str:
    """Return the protocol of a call to a service; "json" for a service that is not known.

    Parameters
    ----------
    content_type
        The request's, for a service that speaks several protocols.
    """
    try:
        model = service_model(model_name(service))
    except UnknownServiceError:
        return "json"
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    if is_form and "query" in model.metadata.get("protocols", []):
        return "query"
    return str(model.resolved_protocol)


def error_response(service: str, error: ServiceError, content_type: str = "") -> Response:
    """Write an error in the protocol of a service.

    Parameters
    ----------
    service
        As boto3 or a signature names it.
    content_type
        The request's, for a service that speaks several protocols.
    """
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id}
    protocol = protocol_of(service, content_type)
    if protocol in {"query", "ec2", "rest-xml"}:
        body = _xml(protocol, service, error, request_id)
        return Response(body, error.status, headers, media_type="text/xml")
    headers["x-amzn-errortype"] = error.code
    members = {"message": str(error), "Message": str(error), **error.details}
    if protocol == "rest-json":
        return JSONResponse(members, error.status, headers)
    return JSONResponse(
        {"__type": error.code, **members},
        error.status,
        headers,
        media_type="application/x-amz-json-1.1",
    )


def _xml(protocol: str, service: str, error: ServiceError, request_id: str) -> str:
    members = f"<Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
    identity = f"<RequestId>{request_id}</RequestId>"
    if service == "s3":
        body = f"<Error>{members}{identity}</Error>"
    elif protocol == "ec2":
        body = f"<Response><Errors><Error>{members}</Error></Errors>{identity}</Response>"
    else:
        fault = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004
        inner = f"<Error><Type>{fault}</Type>{members}</Error>"
        body = f"<ErrorResponse>{inner}{identity}</ErrorResponse>"
    return f'<?xml version="1.0"?>{body}'
