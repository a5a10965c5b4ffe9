"""Serve SageMaker's two HTTP interfaces: actions as JSON 1.1, and InvokeEndpoint.

Every request is checked against botocore's model of the service first, so that a malformed one is
refused with the service's own message. Every answer is checked, too.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.errors import ServiceError, error_response
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.json_text import AmzJson, read_parameters
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.handlers import Handler, not_emulated
from kennel.cloud.sagemaker.resources import resource_of
from kennel.cloud.sagemaker.shapes import MODEL, check_request, check_response
from kennel.cloud.sagemaker.tags import Tags

_TARGET_PREFIX = MODEL.metadata["targetPrefix"] + "."
_INVOCATION_PATH = re.compile(r"/endpoints/([^/]+)/invocations")


class ModelResponse(Protocol):
    """A model's response body, and the headers that the service adds."""

    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102


class EndpointRuntime(Protocol):
    """The endpoints that InvokeEndpoint reaches."""

    async def invoke(self, name: str, body: bytes, headers: Mapping[str, str]) -> ModelResponse:
        """Send a request to the model of an endpoint."""

    async def dependent_permissions(self, action: str, request: Json) -> list[RequiredPermission]:
        """Return what a call requires because of the present state of its endpoint."""


class SageMaker:
    """Check and dispatch the calls of the service.

    Parameters
    ----------
    handlers
        Action -> the function that answers it.
    endpoints
        Answers InvokeEndpoint.
    tags
        Stores the tags of the resources that a call creates.
    faults
        May throttle a call.
    stops
        Called one after the other at the end, to end background work.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        endpoints: EndpointRuntime,
        tags: Tags,
        faults: Faults,
        *,
        stops: Iterable[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._handlers = handlers
        self._endpoints = endpoints
        self._tags = tags
        self._faults = faults
        self._stops = tuple(stops)

    async def answer(self, request: Request) -> Response:
        """Answer an authorised request."""
        try:
            if match := _INVOCATION_PATH.fullmatch(request.scope["path"]):
                return await self._invoke(match[1], request)
            return await self._act(request)
        except ServiceError as error:
            return error_response("sagemaker", error)

    async def dependent_permissions(self, action: str, request: Json) -> list[RequiredPermission]:
        """Return what a call requires because of the present state of its resource."""
        return await self._endpoints.dependent_permissions(action, request)

    async def stop(self) -> None:
        """End jobs, endpoints and their processes."""
        for stop in self._stops:
            await stop()

    async def _act(self, request: Request) -> Response:
        action = request.headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX)
        if action not in self._handlers:
            raise not_emulated(f"sagemaker:{action or 'a call without an action'}")
        parameters = read_parameters(await request.body())
        check_request(action, parameters)
        resource = resource_of(action, parameters) or ""
        self._throttle(action, resource.rpartition("/")[2])
        result = await self._handlers[action](parameters)
        check_response(action, result)
        self._store_tags(action, parameters, result, resource)
        return AmzJson(result, headers=_request_id())

    def _throttle(self, action: str, name: str) -> None:
        if self._faults.take(action, name, "throttle"):
            raise ServiceError("ThrottlingException", "Rate exceeded")

    def _store_tags(self, action: str, request: Json, result: Json, resource: str) -> None:
        if action.startswith("Create"):
            arns = [value for name, value in result.items() if name.endswith("Arn")]
            self._tags.replace(arns[0], request.get("Tags", []))
        elif action.startswith("Delete") and action != "DeleteTags":
            self._tags.replace(resource, [])

    async def _invoke(self, endpoint: str, request: Request) -> Response:
        self._throttle("InvokeEndpoint", endpoint)
        answer = await self._endpoints.invoke(endpoint, await request.body(), request.headers)
        return Response(answer.body, headers={**_request_id(), **answer.headers})


def _request_id() -> dict[str, str]:
    return {"x-amzn-requestid": str(uuid.uuid4())}
