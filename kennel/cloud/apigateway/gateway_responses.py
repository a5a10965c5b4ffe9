"""Gateway responses: the answers of API Gateway itself, as the template customises them.

Types, default statuses and messages:
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

#: type: (status, message, x-amzn-ErrorType)
DEFAULTS = {
    "INVALID_API_KEY": (403, "Forbidden", "ForbiddenException"),
    "MISSING_AUTHENTICATION_TOKEN": (
        403,
        "Missing Authentication Token",
        "MissingAuthenticationTokenException",
    ),
    "REQUEST_TOO_LARGE": (413, "Request Too Long", "RequestTooLongException"),
    "THROTTLED": (429, "Too Many Requests", "TooManyRequestsException"),
    "QUOTA_EXCEEDED": (429, "Limit Exceeded", "LimitExceededException"),
    # A throttled Lambda: 500 by the Lambda guide, services-apigateway-errors.
    "INTEGRATION_FAILURE": (500, "Internal server error", "InternalServerErrorException"),
    # A mock integration cannot read a request that counts as binary.
    "API_CONFIGURATION_ERROR": (500, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out", "InternalServerErrorException"),
    # A function that failed, or whose answer is no proxy response.
    "DEFAULT_5XX": (502, "Internal server error", "InternalServerErrorException"),
}

_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")


class GatewayResponse(Response):
    """An answer of API Gateway itself; `kind` is its type, one of DEFAULTS."""

    kind = ""


class GatewayResponses:
    """The gateway responses of one API.

    Parameters
    ----------
    declared
        `x-amazon-apigateway-gateway-responses` of the API's Body.
    """

    def __init__(self, declared: Mapping[str, Mapping[str, Any]]) -> None:
        self._declared = declared

    def make(self, kind: str, request_id: str) -> GatewayResponse:
        """Return the answer of this type, as the template shapes it."""
        status, message, error_type = DEFAULTS[kind]
        fallback = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"  # noqa: PLR2004
        declared = self._declared.get(kind) or self._declared.get(fallback, {})
        # A DEFAULT_* response changes the body; its status only when the template sets one.
        status = int(declared.get("statusCode", status))
        context = {
            "requestId": request_id,
            "error.message": message,
            "error.messageString": json.dumps(message),
            "error.responseType": kind,
        }
        template = declared.get("responseTemplates", {}).get(
            "application/json", '{"message":$context.error.messageString}'
        )
        headers = {
            "content-type": "application/json",
            "x-amzn-requestid": request_id,
            "x-amzn-errortype": error_type,
        }
        for name, value in declared.get("responseParameters", {}).items():
            headers[name.removeprefix("gatewayresponse.header.").lower()] = value.strip("'")
        body = _VARIABLE.sub(lambda match: context.get(match[1], ""), template)
        response = GatewayResponse(body, status, headers)
        response.kind = kind
        return response
