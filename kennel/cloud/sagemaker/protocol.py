"""SageMaker's two HTTP interfaces: actions as JSON 1.1, and InvokeEndpoint.

Requests are checked against botocore's own model of the service before anything is done, so
what AWS would refuse for its form is refused here with the same words.
"""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.access import Access, AccessDenied
from kennel.cloud.sagemaker.endpoints import Endpoints, arn_of
from kennel.cloud.sagemaker.errors import ServiceError

_MODEL = botocore.session.get_session().get_service_model("sagemaker")
_TARGET_PREFIX = _MODEL.metadata["targetPrefix"] + "."
_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")

#: The resource kinds whose names in a request an action is authorised on.
_NAMES = {
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
}


class SageMaker:
    """Speaks the service's protocol over an `Endpoints`."""

    def __init__(self, endpoints: Endpoints, access: Access) -> None:
        self._endpoints = endpoints
        self._access = access

    async def answer(self, request: Request, access_key: str) -> Response:
        """Answer a signed request of the caller with `access_key`."""
        try:
            if match := _INVOCATION.fullmatch(request.url.path):
                return await self._invoke(match[1], request, access_key)
            return await self._act(request, access_key)
        except AccessDenied as error:
            return _error(ServiceError("AccessDeniedException", str(error)))
        except ServiceError as error:
            return _error(error)

    async def _act(self, request: Request, access_key: str) -> Response:
        action = request.headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX)
        method = getattr(self._endpoints, _snake(action), None)
        if action not in _MODEL.operation_names or method is None:
            raise ServiceError(
                "NotImplementedOffline",
                f"the offline cloud does not imitate sagemaker:{action or request.url.path}",
                501,
            )
        parameters = json.loads(await request.body() or b"{}")
        shape = _MODEL.operation_model(action).input_shape
        if shape is not None:
            report = ParamValidator().validate(parameters, shape)
            if report.has_errors():
                raise ServiceError("ValidationException", report.generate_report())
        for resource in _resources(parameters):
            self._access.check(access_key, f"sagemaker:{action}", resource)
        if role := parameters.get("ExecutionRoleArn"):
            context = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            self._access.check(access_key, "iam:PassRole", role, context)
        result = await method(parameters)
        return JSONResponse(result, media_type="application/x-amz-json-1.1", headers=_request_id())

    async def _invoke(self, endpoint: str, request: Request, access_key: str) -> Response:
        resource = arn_of("endpoint", endpoint)
        self._access.check(access_key, "sagemaker:InvokeEndpoint", resource)
        passed = {
            name: request.headers[name]
            for name in ("content-type", "accept")
            if name in request.headers
        }
        variant, answer = await self._endpoints.invoke(endpoint, await request.body(), passed)
        headers = {**_request_id(), "x-amzn-invoked-production-variant": variant}
        return Response(
            answer.content, media_type=answer.headers.get("content-type"), headers=headers
        )


def _resources(parameters: Mapping[str, Any]) -> list[str]:
    return [arn_of(kind, parameters[name]) for name, kind in _NAMES.items() if name in parameters]


def _snake(action: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()


def _request_id() -> dict[str, str]:
    return {"x-amzn-requestid": str(uuid.uuid4())}


def _error(error: ServiceError) -> Response:
    message = str(error)
    body = {"__type": error.code, "message": message, "Message": message, **error.details}
    headers = {**_request_id(), "x-amzn-errortype": error.code}
    return JSONResponse(body, error.status, headers, media_type="application/x-amz-json-1.1")
