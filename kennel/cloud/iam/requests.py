"""A signed HTTP request as the API call that it is: caller, service, operation, parameters.

moto reads every AWS protocol by botocore's models, so its router and its parsers are used. Calls
in JSON are read here: they name their operation in a header, and their body needs no model.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from kennel.cloud.runtime.errors import ServiceError, not_implemented, protocol_of
from kennel.cloud.runtime.shapes import model_name, service_model

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")

#: S3's operations whose body says what they are about; other bodies are objects, not read here.
_S3_WITH_BODY = {"DeleteObjects"}


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


def read_call(
    signature: Signature, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> ApiCall:
    """Read the call out of a request.

    Raises
    ------
    ServiceError
        NotImplementedOffline when the service has no operation of this form,
        SerializationException when a JSON body cannot be read.
    """
    target = headers.get("x-amz-target", "")
    service = model_name(signature.service)
    if service == "sagemaker" and not target:
        service = "sagemaker-runtime"  # signed with the same name
    try:
        if target:
            operation, parameters = _read_json(service_model(service), target, body)
        else:
            operation, parameters = _read_http(service, method, url, headers, body)
    except (UnknownServiceError, NotFound, NotImplementedError, KeyError, ValueError) as error:
        form = " ".join(filter(None, (method, url, target)))
        raise not_implemented(f"no operation of {service} is {form}") from error
    return ApiCall(service, operation, parameters, signature.access_key)


def _read_json(model: ServiceModel, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    prefix, _, operation = target.rpartition(".")
    if prefix != model.metadata.get("targetPrefix") or operation not in model.operation_names:
        raise KeyError(target)
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is no JSON: {error}") from error
    if not isinstance(parameters, dict):
        raise ServiceError("SerializationException", "the body is no JSON object")
    return operation, parameters


def _read_http(
    service: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, Any]]:
    """Read a call of any other protocol: by its path, its query or its form."""
    # A REST call is named by its path: a large body is copied into a request only where it counts.
    is_rest = protocol_of(service).startswith("rest-")
    request = Request.from_primitives(method, url, headers, b"" if is_rest else body)
    operation, labels = get_service_router(service).match(request)
    if is_rest and body and _describes_the_call(service, operation):
        request = Request.from_primitives(method, url, headers, body)
    protocol = determine_request_protocol(get_service_model(service), request.content_type)
    parsed = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": labels,
        }
    )
    return str(operation.name), dict(parsed)


def _describes_the_call(service: str, operation: OperationModel) -> bool:
    """Return whether a body holds parameters, not data such as an object or a payload."""
    if service == "s3":
        return operation.name in _S3_WITH_BODY
    shape = operation.input_shape
    payload = shape and shape.serialization.get("payload")
    return not (shape and payload and shape.members[payload].type_name == "blob")
