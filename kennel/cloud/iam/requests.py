"""A signed HTTP request as the API call that it is: service, operation, parameters.

moto reads every AWS protocol by botocore's models, so its reader is used; only what asks for more
than a header is SageMaker's and Lambda's own business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

#: The name in a signature -> the name of botocore's model, where they differ.
_MODELS = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "tagging": "resourcegroupstaggingapi",
}
#: S3's operations whose body says what they are about; other bodies are objects, not read here.
_S3_WITH_BODY = {"DeleteObjects"}


class UnreadableCall(Exception):  # noqa: N818
    """No operation of the service has this form."""


@dataclass(frozen=True)
class ApiCall:
    """One call of an AWS API.

    Attributes
    ----------
    service
        As boto3 names it.
    operation
        As the API names it, such as PutObject.
    """

    service: str
    operation: str
    parameters: dict[str, Any]


def read_call(
    signed_for: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> ApiCall:
    """Read the call out of a request.

    Parameters
    ----------
    signed_for
        The service in the signature.

    Raises
    ------
    UnreadableCall
        With the service and what was received.
    """
    service = _MODELS.get(signed_for, signed_for)
    try:
        model = get_service_model(service)
        request = Request.from_primitives(method, url, headers, body)
        operation, labels = get_service_router(service).match(request)
        if service == "s3" and operation.name not in _S3_WITH_BODY:
            request = Request.from_primitives(method, url, headers, b"")
        protocol = determine_request_protocol(model, request.content_type)
        parser = PROTOCOL_PARSERS[protocol](operation)
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
    except (NotFound, NotImplementedError, KeyError, ValueError) as error:
        target = headers.get("x-amz-target", "")
        raise UnreadableCall(
            f"no operation of {service} is {method} {url} {target}".rstrip()
        ) from error
    return ApiCall(service, str(operation.name), dict(parsed))
