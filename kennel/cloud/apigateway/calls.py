"""A request to a stage of an API, and the invocation of the function that answers it."""

import asyncio
import functools
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from kennel.cloud.apigateway.definitions import Stage
from kennel.cloud.apigateway.operations import Route
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.origins import host_name

REQUEST_BYTES = 10 * 2**20  # API Gateway's payload limit, not adjustable
LAMBDA_BYTES = 6 * 2**20  # Lambda's limit of a synchronous request, base64 and all


@dataclass(frozen=True)
class Call:
    """A request to a stage of an API, matched with a route.

    Attributes
    ----------
    path
        What follows the stage, as the client wrote it; it begins with a slash.
    whole_path
        The same with the stage, where the stage is in the path.
    parameters
        Of the route's path.
    """

    request: Request
    api_id: str
    stage: Stage
    path: str
    whole_path: str
    route: Route
    parameters: dict[str, str]
    request_id: str

    def context(self) -> dict[str, Any]:
        """Return the members of requestContext that every format of the event has."""
        domain = domain_of(self.request)
        return {
            "accountId": ACCOUNT,
            "apiId": self.api_id,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "requestId": self.request_id,
            "stage": self.stage.name,
        }

    def headers(self) -> dict[str, list[str]]:
        """Return the values of each header, with those that API Gateway adds."""
        many: dict[str, list[str]] = {}
        for name, value in self.request.headers.items():
            many.setdefault(name, []).append(value)
        hops = [*many.get("x-forwarded-for", []), self.source_ip or ""]
        _, port = self.request.scope.get("server") or ("", None)
        return many | {
            "x-forwarded-for": [", ".join(filter(None, hops))],
            "x-forwarded-port": [str(port or "")],
            "x-forwarded-proto": [str(self.request.scope["scheme"])],
        }

    @property
    def source_ip(self) -> str | None:
        """The client's address."""
        return self.request.client.host if self.request.client else None


class Invocations:
    """The invocations of functions by APIs that are in progress.

    Parameters
    ----------
    timeout
        Seconds to wait for a function; None for those of the API's kind.
    """

    def __init__(self, functions: LambdaService, timeout: float | None = None) -> None:
        self._functions = functions
        self._timeout = timeout
        self._running: set[asyncio.Task[Outcome]] = set()

    async def invoke(self, route: Route, stage: Stage, payload: bytes, default: float) -> Outcome:
        """Invoke a route's function; after a TimeoutError it runs on, and its answer is lost.

        Parameters
        ----------
        default
            Seconds that an API of this kind waits where the route does not say.
        """
        function = route.function_in(stage.variables)
        task = asyncio.ensure_future(self._functions.invoke(function, payload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._timeout or route.seconds or default)
        if not done:
            raise TimeoutError
        return task.result()

    async def stop(self) -> None:
        """Cancel the invocations, and wait for their end."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def domain_of(request: Request) -> str:
    """Return the name in the Host header, in lower case; "" for a malformed one."""
    return _host_name(request.headers.get("host", ""))


_host_name = functools.lru_cache(maxsize=64)(host_name)  # asked for several times a request


def raw_path(request: Request) -> str:
    """Return the path as the client wrote it, escapes and all."""
    raw = request.scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(request.scope["path"])


@functools.lru_cache(maxsize=1)
def clf_time(seconds: int) -> str:
    """Return a Unix time as the Common Log Format writes it."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))


async def read_body(request: Request) -> bytes | None:
    """Return the body, or None when it is longer than API Gateway takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES:
            return None
    return bytes(body)
