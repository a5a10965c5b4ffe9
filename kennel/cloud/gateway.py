"""The one port: signed AWS calls go to the service they name, all else is the REST API's."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.control import Control
from kennel.cloud.iam.identity import UnknownCaller
from kennel.cloud.iam.permissions import AccessDenied, Authorizer
from kennel.cloud.iam.requests import ApiCall, Signature, read_call
from kennel.cloud.runtime.errors import ServiceError, access_denied, error_response

#: Answers a call that its caller may make, or raises ServiceError or AccessDenied.
Handler = Callable[[Request, ApiCall], Awaitable[Response]]

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
    """

    def __init__(
        self,
        *,
        api: RestApi,
        control: Control,
        authorizer: Authorizer,
        handlers: Mapping[str, Handler],
        default: Handler,
    ) -> None:
        self._api = api
        self._control = control
        self._authorizer = authorizer
        self._handlers = handlers
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path.startswith("/kennel/"):
            return await self._control.answer(request)
        signature = Signature.read(request.headers)
        if signature is None:
            return await self._api.answer(request)
        try:
            return await self._call(request, signature)
        except UnknownCaller:
            message = "The security token included in the request is invalid."
            error = ServiceError("UnrecognizedClientException", message, 403)
        except AccessDenied as denied:
            error = access_denied(signature.service, str(denied))
        except ServiceError as refused:
            error = refused
        except Exception:  # the client gets its service's format whatever goes wrong here
            _log.exception("%s %s failed", request.method, request.url)
            message = "The request processing has failed because of an unknown error."
            error = ServiceError("InternalFailure", message, 500)
        content_type = request.headers.get("content-type", "")
        response = error_response(signature.service, error, content_type)
        if request.method == "PUT":  # its body may be unread
            response.headers["connection"] = "close"
        return response

    async def _call(self, request: Request, signature: Signature) -> Response:
        self._authorizer.identify(signature.access_key)
        # An object that is put is data: it is not read before its caller is known to may put it.
        body = b"" if request.method == "PUT" else await request.body()
        call = read_call(signature, request.method, str(request.url), request.headers, body)
        await self._authorizer.authorize(call)
        handler = self._handlers.get(call.service, self._default)
        return await handler(request, call)
