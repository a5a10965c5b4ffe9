"""Errors of AWS services, written in the called service's own protocol.

boto3 then raises what it raises on AWS. botocore's model of a service names its protocol:
https://smithy.io/2.0/aws/protocols/index.html
"""

import re
import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

from kennel.cloud.runtime.json_text import AmzJson, AsciiJson
from kennel.cloud.runtime.service_models import models_of, service_model

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

_CBOR = "smithy-rpc-v2-cbor"
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    default = _DENIALS_BY_PROTOCOL.get(protocol_of(service), _DENIAL)
    code, status = _DENIALS.get(service, default)
    return ServiceError(code, message, status)


def protocol_of(service: str, headers: Mapping[str, str] | None = None, path: str = "/") -> str:
    """Return the protocol of a call to a service, which may be one that is not known.

    Parameters
    ----------
    service
        As boto3 or a signature names it; the services of one signing name may differ.
    headers, path
        The request's, for a service that speaks several protocols.
    """
    asked = _asked_protocols(headers or {}, path)
    models = [service_model(name) for name in models_of(service)]
    for model in models:
        spoken = [model.resolved_protocol, *model.metadata.get("protocols", [])]
        if common := [each for each in asked if each in spoken]:
            return common[0]
    if models:
        return str(models[0].resolved_protocol)
    return next((each for each in asked if not each.startswith("rest-")), "json")


def _asked_protocols(headers: Mapping[str, str], path: str) -> tuple[str, ...]:
    """Return the protocols whose requests have such headers; none where they do not say."""
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return (_CBOR,)
    if headers.get("x-amz-target"):
        return ("json",)
    rest = () if path == "/" else ("rest-json", "rest-xml")
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return (*rest, "query", "ec2") if is_form else rest


def error_response(
    service: str,
    error: ServiceError,
    request_headers: Mapping[str, str] | None = None,
    path: str = "/",
) -> Response:
    """Write an error in the protocol of a service.

    Parameters
    ----------
    service
        As boto3 or a signature names it.
    request_headers, path
        For a service that speaks several protocols.
    """
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id}
    protocol = protocol_of(service, request_headers, path)
    if protocol in {"query", "ec2", "rest-xml"}:
        body = _xml(protocol, service, error, request_id)
        return Response(body, error.status, headers, media_type="text/xml")
    headers["x-amzn-errortype"] = error.code
    if protocol == _CBOR:
        headers["smithy-protocol"] = "rpc-v2-cbor"
        content = _cbor({"__type": error.code, "message": str(error)})
        return Response(content, error.status, headers, media_type="application/cbor")
    members = {"message": str(error), "Message": str(error), **error.details}
    if protocol == "rest-json":
        return AsciiJson(members, error.status, headers)
    return AmzJson({"__type": error.code, **members}, error.status, headers)


def _xml(protocol: str, service: str, error: ServiceError, request_id: str) -> str:
    message = escape(_NOT_IN_XML.sub("?", str(error)))
    members = f"<Code>{error.code}</Code><Message>{message}</Message>"
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


def _cbor(members: Mapping[str, str]) -> bytes:
    """Return a map of less than 24 texts as CBOR (RFC 8949)."""
    texts = [text.encode(errors="replace") for pair in members.items() for text in pair]
    encoded = (b"\x7a" + len(text).to_bytes(4, "big") + text for text in texts)
    return bytes([0xA0 + len(members)]) + b"".join(encoded)
