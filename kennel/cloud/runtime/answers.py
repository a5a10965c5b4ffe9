"""Results of AWS operations, written in the protocol of the request by botocore's models."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from moto.core.request import determine_request_protocol
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from starlette.responses import Response


def written(
    service: str,
    operation: str,
    result: Mapping[str, Any],
    request_headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the HTTP response of an operation whose result has the names of its output shape.

    Parameters
    ----------
    request_headers
        For a service that speaks several protocols.
    """
    model = get_service_model(service)
    media_type = (request_headers or {}).get("content-type")
    protocol = determine_request_protocol(model, media_type)
    request_id = str(uuid.uuid4())
    serializer = get_serializer_class(service, protocol)(
        model.operation_model(operation), SerializationContext(request_id)
    )
    answer = serializer.serialize(result)
    headers = {"x-amzn-requestid": request_id, **answer["headers"]}
    status = answer["status_code"]
    body = b"" if status == HTTPStatus.NO_CONTENT else answer["body"]
    return Response(body, status, headers)
