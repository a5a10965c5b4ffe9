"""Calls that moto answers: passed on as they came, errors in the service's own format."""

from collections.abc import AsyncIterator, Callable, Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError, not_implemented

#: Headers that describe one connection, not the message (RFC 9110, 7.6.1).
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"}
_SECONDS = 120.0
_BAD_REQUEST, _NOT_FOUND, _SERVER_ERROR = 400, 404, 500


class MotoProxy:
    """Passes calls on to moto.

    Parameters
    ----------
    url
        moto's address.
    observers
        By service: called with every call that moto has answered without an error.
    transport
        What sends the requests; None for the network.
    """

    def __init__(
        self,
        url: str,
        observers: Mapping[str, Callable[[ApiCall], None]],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, timeout=_SECONDS, trust_env=False, transport=transport
        )
        self._observers = observers

    async def stop(self) -> None:
        """Close the connections to moto."""
        await self._client.aclose()

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call.

        Raises
        ------
        ServiceError
            When moto does not answer, or answers with a page for people.
        """
        try:
            answer = await self._client.send(await self._upstream(request), stream=True)
        except httpx.TransportError as error:
            message = f"moto did not answer {call.service}:{call.operation} ({error!r})"
            raise ServiceError("InternalFailure", message, 500) from error
        headers = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        if answer.status_code < _BAD_REQUEST:
            if observer := self._observers.get(call.service):
                observer(call)
            return StreamingResponse(_raw(answer), answer.status_code, headers)
        content = b"".join([chunk async for chunk in _raw(answer)])
        if content.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
            raise _error_of_page(answer.status_code, call)
        return Response(content, answer.status_code, headers)

    async def _upstream(self, request: Request) -> httpx.Request:
        base = self._client.base_url
        url = httpx.URL(str(request.url)).copy_with(scheme="http", host=base.host, port=base.port)
        return self._client.build_request(
            request.method, url, headers=request.headers.raw, content=await request.body()
        )


class S3:
    """S3 of moto, which hides from a caller without s3:ListBucket that an object does not exist.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
    """

    def __init__(self, moto: MotoProxy, authorizer: Authorizer) -> None:
        self._moto = moto
        self._authorizer = authorizer

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises AccessDenied for an object that the caller may not miss."""
        response = await self._moto(request, call)
        reads = call.operation in {"GetObject", "HeadObject"}
        if reads and response.status_code == _NOT_FOUND:
            bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
            self._authorizer.check(call.access_key, RequiredPermission("s3:ListBucket", bucket))
        return response


def changes_something(call: ApiCall) -> bool:
    """Return whether a call may write, by its operation's first word."""
    return not call.operation.startswith(("Batch", "Describe", "Get", "Head", "List")) or (
        call.operation.startswith("BatchDelete")
    )


def _error_of_page(status: int, call: ApiCall) -> ServiceError:
    """Return the error that stands for a page of werkzeug: its routes and its crashes."""
    name = f"{call.service}:{call.operation}"
    if status < _SERVER_ERROR:
        return not_implemented(f"moto does not emulate {name}")
    message = f"moto failed while it emulated {name}: see moto.log among the cloud's logs"
    return ServiceError("InternalFailure", message, status)


async def _raw(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
