"""An HTTP API: routes, CORS, throttles, and the functions behind its routes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.calls import LAMBDA_BYTES, Call, Invocations, read_body
from kennel.cloud.apigateway.cors import Cors
from kennel.cloud.apigateway.definitions import OfType, Stage, http_body, http_stages, title
from kennel.cloud.apigateway.http_events import http_event, http_response, is_binary
from kennel.cloud.apigateway.operations import DEFAULT_ROUTE, read_operations
from kennel.cloud.apigateway.proxy import proxy_event, proxy_response
from kennel.cloud.apigateway.routes import Routes
from kennel.cloud.apigateway.throttle import Buckets, Limits
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.functions import NoSuchFunction, RequestTooLarge
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.json_text import AsciiJson

INTEGRATION_SECONDS = 30.0
_MESSAGES = {
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class HttpApi:
    """An HTTP API as it is declared, which answers the requests to its stages.

    Parameters
    ----------
    of_type
        Returns the deployed resources of a type.
    buckets
        Of the limits of its stages' routes.

    Attributes
    ----------
    name
        As the template names it.
    """

    def __init__(
        self, resource: Resource, of_type: OfType, invocations: Invocations, buckets: Buckets
    ) -> None:
        body = http_body(resource, of_type)
        self.id = resource.name
        self.name = title(resource, body)
        self.stages = {each.name: each for each in http_stages(resource, of_type)}
        self.routes = Routes(read_operations(body))
        self._cors = Cors(body["x-amazon-apigateway-cors"])
        self._invocations = invocations
        self._buckets = buckets

    def stage_of(self, path: str) -> tuple[Stage, str] | None:
        """Return the stage that a path is of, and what follows its name in the path.

        A path that names no stage is the default stage's.
        """
        first, _, rest = path.removeprefix("/").partition("/")
        if first != DEFAULT_ROUTE and (stage := self.stages.get(first)):
            return stage, f"/{rest}"
        default = self.stages.get("$default")
        return None if default is None else (default, path)

    async def answer(self, request: Request, path: str, request_id: str) -> Response:
        """Answer a client's request as the deployed API would."""
        response = await self._answer(request, path, request_id)
        response.headers["apigw-requestid"] = request_id
        return response

    async def _answer(self, request: Request, path: str, request_id: str) -> Response:
        placed = self.stage_of(path)
        if placed is None:
            return _problem(404)
        stage, rest = placed
        if self._cors.is_preflight(request):
            return self._cors.preflight(request)
        match = self.routes.best(rest, request.method)
        if match is None:
            return _problem(404)
        call = Call(request, self.id, stage, rest, path, *match, request_id)
        if not self._buckets.take((self.id, stage.name, call.route.key), _limits(call)):
            return _problem(429)
        response = await self._answer_by_function(call)
        self._cors.mark(request, response)
        return response

    async def _answer_by_function(self, call: Call) -> Response:
        body = await read_body(call.request)
        if body is None:
            return _problem(413)
        is_second = call.route.payload == "2.0"
        event = http_event(call, body) if is_second else _first_format(call, body)
        payload = orjson.dumps(event)
        if len(payload) > LAMBDA_BYTES:
            return _problem(413)
        try:
            outcome = await self._invocations.invoke(
                call.route, call.stage, payload, INTEGRATION_SECONDS
            )
        except (Throttled, NoSuchFunction, RequestTooLarge):
            return _problem(500)
        except TimeoutError:
            return _problem(503)
        if outcome.failed:
            return _problem(500)
        read = http_response if is_second else _first_response
        return read(outcome.payload) or _problem(500)


def _first_format(call: Call, body: bytes) -> dict[str, object]:
    event = proxy_event(call, body, bool(body) and is_binary(call.request))
    return {"version": "1.0", **event, "path": call.whole_path}


def _first_response(payload: bytes) -> Response | None:
    return proxy_response(payload, decode=True)


def _limits(call: Call) -> Limits | None:
    settings = call.stage.settings
    own = (settings.get("RouteSettings") or {}).get(call.route.key, {})
    default = settings.get("DefaultRouteSettings") or {}
    return Limits.read({**default, **own}, "Throttling")


def _problem(status: int) -> Response:
    return AsciiJson({"message": _MESSAGES[status]}, status)
