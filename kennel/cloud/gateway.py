"""Serve the cloud's port: signed calls go to their AWS service, other requests to the APIs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from kennel.cloud.apigateway.apis import Apis
from kennel.cloud.control import Control
from kennel.cloud.iam.identity import UnknownCaller
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.requests import ApiCall, Signature, read_call, url_of
from kennel.cloud.origins import ForeignRequest, refuse_foreign
from kennel.cloud.runtime.errors import ServiceError, access_denied, error_response
from kennel.cloud.runtime.json_text import AsciiJson

#: Answers a call that its caller may make, or raises ServiceError or AccessDenied.
Handler = Callable[[Request, ApiCall], Awaitable[Response]]

#: Of a request's whole body, and of a signed one, which may be a large upload, for each part.
BODY_SECONDS = 30.0
_SHOWN = 80  # characters of an unknown access key

_log = logging.getLogger(__name__)


class Gateway:
    """An ASGI application over the services of the offline cloud.

    Parameters
    ----------
    api
        Answers requests without an AWS signature.
    control
        Answers paths under /kennel/.
    handlers
        By service, as boto3 names it.
    default
        Answers calls to every other service.
    address
        Where it listens beside loopback.
    body_seconds
        How long a body may take; beyond, it gets 408.
    """

    def __init__(
        self,
        *,
        api: Apis,
        control: Control,
        authorizer: Authorizer,
        handlers: Mapping[str, Handler],
        default: Handler,
        address: str = "127.0.0.1",
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._api = api
        self._control = control
        self._authorizer = authorizer
        self._handlers = handlers
        self._default = default
        self._address = address
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a client that disconnects before its end gets no answer."""
        signed = Signature.read(Request(scope).headers) is not None
        request = Request(scope, _timed(receive, self._body_seconds, each_part=signed))
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        signature = Signature.read(request.headers)
        path = request.scope["path"]
        is_control = path.startswith("/kennel/") and not self._api.claims(request)
        to_api = signature is not None and signature.service == "execute-api"
        if signature and not is_control and not to_api:
            return await self._answer_call(request, signature)
        try:
            if is_control:
                refuse_foreign(request.headers, self._address)
                return await self._control.answer(request)
            if path == "/" and request.method == "POST" and not self._api.claims(request):
                return error_response("", _unsigned(), request.headers)
            return await self._api.answer(request)
        except ClientDisconnect:
            raise
        except Exception as raised:
            error = _error_of(raised, request)
        return AsciiJson({"message": str(error)}, error.status)

    async def _answer_call(self, request: Request, signature: Signature) -> Response:
        service = signature.service
        try:
            refuse_foreign(request.headers, self._address)
            self._authorizer.identify(signature.access_key)
            # An object that is put is data: it is not read before its caller may put it.
            is_object = request.method == "PUT" and service == "s3"
            body = b"" if is_object else await request.body()
            call = read_call(signature, request.method, url_of(request), request.headers, body)
            service = call.service
            await self._authorizer.authorize(call)
            return await self._handlers.get(service, self._default)(request, call)
        except ClientDisconnect:
            raise
        except Exception as raised:
            error = _error_of(raised, request, service)
        response = error_response(service, error, request.headers, request.scope["path"])
        if request.method == "PUT":  # its body may be unread
            response.headers["connection"] = "close"
        return response


def _timed(receive: Receive, seconds: float, *, each_part: bool) -> Receive:
    """Refuse a body that takes longer than `seconds`, as a whole or for each of its parts."""
    loop = asyncio.get_running_loop()
    deadline, is_whole = loop.time() + seconds, False

    async def timed() -> Message:
        nonlocal is_whole
        if is_whole:  # what follows is the end of the connection
            return await receive()
        try:
            async with asyncio.timeout_at(loop.time() + seconds if each_part else deadline):
                message = await receive()
        except TimeoutError as error:
            text = f"The body did not arrive within {seconds:g} s; send the request again."
            raise ServiceError("RequestTimeout", text, 408) from error
        is_whole = not message.get("more_body", False)
        return message

    return timed


def _unsigned() -> ServiceError:
    message = "Request is missing Authentication Token"
    return ServiceError("MissingAuthenticationToken", message, 403)


def _error_of(raised: Exception, request: Request, service: str = "") -> ServiceError:
    """Return the error that a client is answered with, whatever went wrong here."""
    match raised:
        case ServiceError():
            return raised
        case AccessDenied():
            return access_denied(service, str(raised))
        case ForeignRequest():
            return ServiceError("AccessDeniedException", str(raised), 403)
        case UnknownCaller():
            message = (
                "The security token included in the request is invalid: this offline cloud has no "
                f"access key {str(raised)[:_SHOWN]!r}; `kennel env` prints the operator's"
            )
            return ServiceError("UnrecognizedClientException", message, 403)
    target = request.headers.get("x-amz-target", "")
    name = " ".join(filter(None, (service, request.method, request.scope["path"], target)))
    _log.error("%s failed: %r", name, raised, exc_info=_log.isEnabledFor(logging.DEBUG))
    return ServiceError("InternalFailure", f"the offline cloud failed over {name}", 500)
