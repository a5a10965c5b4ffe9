"""SageMaker's two HTTP interfaces: actions as JSON 1.1, and InvokeEndpoint.

Requests are checked against botocore's own model of the service before anything is done, so
what AWS would refuse for its form is refused here with the same words; so are our answers.
"""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.errors import ServiceError, error_response
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.resources import resource_of
from kennel.cloud.sagemaker.shapes import MODEL, check_request, check_response
from kennel.cloud.sagemaker.tags import Tags

_TARGET_PREFIX = MODEL.metadata["targetPrefix"] + "."
_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")


class Invoked(Protocol):
    """A model's answer, and the headers that the service adds."""

    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102


class Invocable(Protocol):
    """What answers InvokeEndpoint."""

    async def invoke(  # noqa: D102
        self, name: str, body: bytes, headers: Mapping[str, str]
    ) -> Invoked: ...


class SageMaker:
    """Speaks the service's protocol over parts that each know some of its actions.

    Parameters
    ----------
    parts
        Objects with a method for each action that they know, named as in boto3: it takes the
        request and returns the answer, both as JSON. The first that has it is asked.
    endpoints
        One of them: it answers InvokeEndpoint too.
    store
        Where tags are kept.
    """

    def __init__(
        self,
        parts: Sequence[object],
        endpoints: Invocable,
        store: Store,
        faults: Faults | None = None,
    ) -> None:
        self._tags = Tags(store)
        self._parts = [*parts, endpoints, self._tags]
        self._endpoints = endpoints
        self._faults = faults or Faults()

    async def answer(self, request: Request) -> Response:
        """Answer a request that its caller may make."""
        try:
            if match := _INVOCATION.fullmatch(request.url.path):
                return await self._invoke(match[1], request)
            return await self._act(request)
        except ServiceError as error:
            return error_response("sagemaker", error)

    async def dependent_permissions(
        self, action: str, parameters: Json
    ) -> list[RequiredPermission]:
        """Return what a call needs beside its own permission, as things are now."""
        permissions: list[RequiredPermission] = []
        for part in self._parts:
            if dependent := getattr(part, "dependent_permissions", None):
                permissions += await dependent(action, parameters)
        return permissions

    async def stop(self) -> None:
        """End what the parts run."""
        for part in self._parts:
            if stop := getattr(part, "stop", None):
                await stop()

    async def _act(self, request: Request) -> Response:
        action = request.headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX)
        method = self._method(action)
        parameters = json.loads(await request.body() or b"{}")
        check_request(action, parameters)
        resource = resource_of(action, parameters) or ""
        self._throttle(action, resource.rpartition("/")[2])
        result = await method(parameters)
        check_response(action, result)
        self._keep_tags(action, parameters, result, resource)
        return JSONResponse(result, media_type="application/x-amz-json-1.1", headers=_request_id())

    def _method(self, action: str) -> Callable[[Json], Awaitable[Json]]:
        for part in self._parts:
            if action in MODEL.operation_names and (method := getattr(part, _snake(action), None)):
                return method  # type: ignore[no-any-return]
        raise ServiceError(
            "NotImplementedOffline",
            f"the offline cloud does not imitate sagemaker:{action or 'a call without an action'}",
            501,
        )

    def _throttle(self, action: str, name: str) -> None:
        if self._faults.take(action, name, "throttle"):
            raise ServiceError("ThrottlingException", "Rate exceeded")

    def _keep_tags(self, action: str, request: Json, result: Json, resource: str) -> None:
        if action.startswith("Create"):
            arns = [value for name, value in result.items() if name.endswith("Arn")]
            self._tags.keep(arns[0], request.get("Tags", []))
        elif action.startswith("Delete") and action != "DeleteTags":
            self._tags.keep(resource, [])

    async def _invoke(self, endpoint: str, request: Request) -> Response:
        self._throttle("InvokeEndpoint", endpoint)
        answer = await self._endpoints.invoke(endpoint, await request.body(), request.headers)
        return Response(answer.body, headers={**_request_id(), **answer.headers})


def _snake(action: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()


def _request_id() -> dict[str, str]:
    return {"x-amzn-requestid": str(uuid.uuid4())}
