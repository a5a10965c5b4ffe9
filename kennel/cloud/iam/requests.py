"""A signed HTTP request as the API call that it is: caller, service, operation, parameters.

moto reads every AWS protocol by botocore's models, so its router and its parsers are used. Calls
in JSON are read here: they name their operation in a header, and their body needs no model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from starlette.requests import Request as HttpRequest
from werkzeug.exceptions import NotFound

from kennel.cloud.runtime.errors import ServiceError, not_implemented, protocol_of
from kennel.cloud.runtime.json_text import read_parameters
from kennel.cloud.runtime.service_models import models_of, service_model
from kennel.cloud.runtime.validation import wrong_type

_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/\s,]+)/\d{8}/[^/\s,]+/([^/\s,]+)/aws4_request"
)

#: S3's operations whose body says what they are about; other bodies are objects, not read here.
_S3_WITH_BODY = {"DeleteObjects"}
#: Every path of S3 Control begins with its API's version, by which moto knows it too.
_S3_CONTROL = "/v20180820/"
#: Codes by the protocol of a call whose parameters cannot be read.
_UNREADABLE = {
    "rest-xml": "MalformedXML",
    "query": "MalformedQueryString",
    "ec2": "MalformedQueryString",
}
_FORM = 2000  # characters: of a request that is repeated in an error, and of a body read for it


class _NoSuchOperation(Exception):  # noqa: N818
    """A service has no operation of a request's form."""


@dataclass(frozen=True)
class Signature:
    """The caller and the service in an AWS signature.

    Signatures are not checked: everything is on this machine.
    """

    access_key: str
    service: str

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "Signature | None":
        """Read the Authorization header; None for a request without an AWS signature."""
        match = _CREDENTIAL.match(headers.get("authorization", ""))
        return cls(*match.groups()) if match else None


@dataclass(frozen=True)
class ApiCall:
    """One call of an AWS API.

    Attributes
    ----------
    service
        As boto3 names it.
    operation
        As the API names it, such as PutObject.
    parameters
        As the API names them. Bodies that are data (objects, payloads) are left out.
    access_key
        The caller's.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    access_key: str = ""


def url_of(request: HttpRequest) -> str:
    """Return a request's URL with its target."""
    host = request.headers.get("host") or "{}:{}".format(*request.scope["server"])
    return f"http://{host}{target_of(request)}"


def target_of(request: HttpRequest) -> str:
    """Return the path and the query as the client wrote them: a key's %3F is no query."""
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    path = scope.get("raw_path", b"").decode("latin-1") or quote(scope["path"])
    return f"{path}?{query}".removesuffix("?")


def read_call(
    signature: Signature, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> ApiCall:
    """Read the call out of a request.

    Raises
    ------
    ServiceError
        NotImplementedOffline when the service has no operation of this form,
        SerializationException (MalformedXML, MalformedQueryString) when the parameters cannot be
        read.
    """
    names = models_of(signature.service)
    if signature.service == "s3":  # an object's path could be S3 Control's, and the other way round
        names = (names[urlsplit(url).path.startswith(_S3_CONTROL)],)
    for name in names:
        try:
            if target := headers.get("x-amz-target"):
                operation = _operation_of_target(service_model(name), target)
                parameters = _read_json(operation, body)
            else:
                operation, parameters = _read_http(name, method, url, headers, body)
        except _NoSuchOperation:
            continue
        return ApiCall(name, str(operation.name), parameters, signature.access_key)
    form = f"{method} {urlsplit(url).path}"
    named = headers.get("x-amz-target") or _action(url, body)
    raise not_implemented(f"no operation of {signature.service} is {form} {named}"[:_FORM].strip())


def _operation_of_target(model: ServiceModel, target: str) -> OperationModel:
    prefix, _, operation = target.rpartition(".")
    if prefix != model.metadata.get("targetPrefix") or operation not in model.operation_names:
        raise _NoSuchOperation
    return model.operation_model(operation)


def _read_json(operation: OperationModel, body: bytes) -> dict[str, Any]:
    try:
        parameters = read_parameters(body)
    except ValueError as error:
        message = f"the body cannot be read: {error}"
        raise ServiceError("SerializationException", message) from error
    if operation.input_shape and (message := wrong_type(operation.input_shape, parameters)):
        raise ServiceError("SerializationException", message)
    return parameters


def _read_http(
    service: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[OperationModel, dict[str, Any]]:
    """Read a call of any other protocol: by its path, its query or its form."""
    # A REST call is named by its path: a large body is copied into a request only where it counts.
    is_rest = protocol_of(service).startswith("rest-")
    request = Request.from_primitives(method, url, headers, b"" if is_rest else body)
    try:
        operation, labels = get_service_router(service).match(request)
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
        parser = PROTOCOL_PARSERS[protocol](operation)
    except (NotFound, NotImplementedError, KeyError) as error:
        raise _NoSuchOperation from error
    if is_rest and body and _describes_the_call(service, operation):
        request = Request.from_primitives(method, url, headers, body)
    try:
        parsed = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": labels,
            }
        )
    except Exception as error:  # moto's parsers fail in many ways over what a client may send
        code = _UNREADABLE.get(protocol, "SerializationException")
        message = f"the parameters of {service}:{operation.name} cannot be read: {error!r}"
        raise ServiceError(code, message) from error
    return operation, dict(parsed)


def _action(url: str, body: bytes) -> str:
    """Return the action that a call of the query protocol names, or ""."""
    for text in (urlsplit(url).query, body[:_FORM].decode(errors="replace")):
        if action := dict(parse_qsl(text)).get("Action"):
            return action
    return ""


def _describes_the_call(service: str, operation: OperationModel) -> bool:
    """Return whether a body holds parameters, not data such as an object or a payload."""
    if service == "s3":
        return operation.name in _S3_WITH_BODY
    shape = operation.input_shape
    payload = shape and shape.serialization.get("payload")
    return not (shape and payload and shape.members[payload].type_name == "blob")
