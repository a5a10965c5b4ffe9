"""Answer the requests of clients that are under way before the cloud ends."""

import asyncio
import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kennel.cloud.iam.requests import Signature

#: Longest wait: the REST API answers within 29 s, whatever its integration does.
DRAIN_SECONDS = 30.0
_POLL_SECONDS = 0.02
_INVOKE_ENDPOINT = re.compile(r"/endpoints/[^/]+/invocations")


class Draining:
    """An ASGI application that passes requests on to another one, and counts those of clients.

    Clients call the REST API and InvokeEndpoint. Once it drains, new requests to the REST API get
    503 with Retry-After; AWS calls are answered, since the functions under way make them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0
        self._is_ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        is_for_api = _is_for_api(scope)
        if is_for_api and self._is_ending:
            headers = {"Retry-After": "1", "Connection": "close"}
            refusal = JSONResponse({"message": "Service Unavailable"}, 503, headers)
            return await refusal(scope, receive, send)
        is_counted = is_for_api or bool(_INVOKE_ENDPOINT.fullmatch(scope["path"]))
        self._open += is_counted
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= is_counted

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until the requests of clients are answered, for at most `seconds`."""
        self._is_ending = True
        loop = asyncio.get_running_loop()
        latest = loop.time() + seconds
        while self._open and loop.time() < latest:
            await asyncio.sleep(_POLL_SECONDS)


def _is_for_api(scope: Scope) -> bool:
    is_of_cloud = scope["path"].startswith("/kennel/")
    return not is_of_cloud and Signature.read(Headers(scope=scope)) is None
