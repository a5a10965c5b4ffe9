"""The template's REST API: routes, keys, usage plan, media types, the proxy event and its answer.

Event and answer: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import asyncio
import base64
import binascii
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.gateway_responses import GatewayResponses
from kennel.cloud.apigateway.throttle import Quota, TokenBucket
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.functions import LambdaService, Throttled
from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.errors import CannotStart

REQUEST_BYTES = 10 * 2**20  # API Gateway's payload limit, not adjustable
INTEGRATION_SECONDS = 29.0  # the default; more needs a quota increase and a regional API
LAMBDA_BYTES = 6 * 2**20  # Lambda's limit of a synchronous request, base64 and all


@dataclass(frozen=True)
class Route:
    """A method of a path and the function behind it."""

    function: str
    needs_key: bool
    mock: "Mock | None" = None


@dataclass(frozen=True)
class Mock:
    """What a mock integration answers: SAM makes one for a CORS preflight."""

    status: int
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, integration: Mapping[str, Any]) -> "Mock":
        """Read the integration's default response; a quoted value is a literal."""
        response = integration["responses"]["default"]
        prefix = "method.response.header."
        headers = tuple(
            (name.removeprefix(prefix), value.strip("'"))
            for name, value in response.get("responseParameters", {}).items()
        )
        return cls(int(response["statusCode"]), headers)


class _StageLimits:
    """The stage's own throttle for each method, from its MethodSettings."""

    def __init__(self, stage: Mapping[str, Any]) -> None:
        self._settings = {
            (each["ResourcePath"].replace("~1", "/"), each["HttpMethod"]): each
            for each in stage.get("MethodSettings", [])
            if "ThrottlingRateLimit" in each
        }
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    def take(self, path: str, method: str) -> bool:
        """Take a token of the method; True where nothing limits it."""
        settings = self._settings.get((path, method)) or self._settings.get(("/*", "*"))
        if settings is None:
            return True
        if (path, method) not in self._buckets:
            rate = float(settings["ThrottlingRateLimit"])
            burst = int(settings.get("ThrottlingBurstLimit", rate))
            self._buckets[path, method] = TokenBucket(rate, burst)
        return self._buckets[path, method].take()


class RestApi:
    """One API Gateway REST API with one stage, one key and one usage plan.

    Parameters
    ----------
    stack
        Where the API, its stage and its plan are declared.
    functions
        What answers.
    key
        The value of the template's API key.
    metrics
        Where requests are counted; None counts none.
    timeout
        Seconds that API Gateway waits for a function.
    """

    def __init__(
        self,
        stack: Stack,
        functions: LambdaService,
        key: str,
        metrics: Metrics | None = None,
        timeout: float = INTEGRATION_SECONDS,
    ) -> None:
        self._metrics = metrics
        self._timeout = timeout
        self._running: set[asyncio.Task[Outcome]] = set()
        body = stack.only("AWS::ApiGateway::RestApi").properties["Body"]
        self.stage = stack.only("AWS::ApiGateway::Stage").name
        self._api_id = stack.only("AWS::ApiGateway::RestApi").name
        self._routes = _read_routes(body)
        self._name = str(body.get("info", {}).get("title", stack.name))
        self._stage_limits = _StageLimits(stack.only("AWS::ApiGateway::Stage").properties)
        self._binary = tuple(body.get("x-amazon-apigateway-binary-media-types", []))
        self._responses = GatewayResponses(body.get("x-amazon-apigateway-gateway-responses", {}))
        self._functions = functions
        self._key = key
        plans = stack.of_type("AWS::ApiGateway::UsagePlan")
        plan = stack.only("AWS::ApiGateway::UsagePlan").properties if plans else {}
        throttle, quota = plan.get("Throttle"), plan.get("Quota")
        self._bucket = throttle and TokenBucket(
            float(throttle["RateLimit"]), int(throttle["BurstLimit"])
        )
        self._quota = quota and Quota(int(quota["Limit"]), quota["Period"])

    async def answer(self, request: Request) -> Response:
        """Answer a client's request as the deployed API would, and count it."""
        started = time.perf_counter()
        response = await self._answer(request)
        status = response.status_code
        self._count("Count", 1)
        self._count("4XXError", int(400 <= status < 500))  # noqa: PLR2004
        self._count("5XXError", int(status >= 500))  # noqa: PLR2004
        self._count("Latency", (time.perf_counter() - started) * 1000, "Milliseconds")
        return response

    async def stop(self) -> None:
        """End the invocations that still run."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _invoke(self, function: str, payload: bytes) -> Outcome:
        """Invoke; TimeoutError when it takes too long: Lambda goes on then, its answer is lost."""
        task = asyncio.ensure_future(self._functions.invoke(function, payload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            raise TimeoutError
        return task.result()

    def _count(self, name: str, value: float, unit: str = "Count") -> None:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html."""
        if self._metrics:
            api = {"ApiName": self._name}
            for dimensions in (api, {**api, "Stage": self.stage}):
                self._metrics.count("AWS/ApiGateway", name, dimensions, value, unit)

    async def _answer(self, request: Request) -> Response:
        request_id = str(uuid.uuid4())
        path = request.url.path.removeprefix(f"/{self.stage}") or "/"
        route = self._routes.get((path, request.method))
        if not f"{request.url.path}/".startswith(f"/{self.stage}/") or route is None:
            return self._responses.make("MISSING_AUTHENTICATION_TOKEN", request_id)
        if route.mock is not None:
            return Response(status_code=route.mock.status, headers=dict(route.mock.headers))
        if route.needs_key:
            if request.headers.get("x-api-key") != self._key:
                return self._responses.make("INVALID_API_KEY", request_id)
            if self._bucket and not self._bucket.take():
                return self._responses.make("THROTTLED", request_id)
            if self._quota and not self._quota.take():
                return self._responses.make("QUOTA_EXCEEDED", request_id)
        if not self._stage_limits.take(path, request.method):
            return self._responses.make("THROTTLED", request_id)
        body = await _read(request, REQUEST_BYTES)
        if body is None:
            return self._responses.make("REQUEST_TOO_LARGE", request_id)
        event = self._event(request, path, body, request_id)
        payload = json.dumps(event).encode()
        if len(payload) > LAMBDA_BYTES:
            return self._responses.make("REQUEST_TOO_LARGE", request_id)
        try:
            outcome = await self._invoke(route.function, payload)
        except Throttled:
            return self._responses.make("INTEGRATION_FAILURE", request_id)
        except TimeoutError:
            return self._responses.make("INTEGRATION_TIMEOUT", request_id)
        answer = None if outcome.failed else self._proxy_answer(request, outcome.payload)
        return answer or self._responses.make("DEFAULT_5XX", request_id)

    def _event(self, request: Request, path: str, body: bytes, request_id: str) -> dict[str, Any]:
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        binary = bool(body) and self._is_binary(media_type)
        many: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            many.setdefault(name, []).append(value)
        query = request.query_params
        return {
            "resource": path,
            "path": path,
            "httpMethod": request.method,
            "headers": {name: values[-1] for name, values in many.items()},
            "multiValueHeaders": many,
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": {key: query.getlist(key) for key in query} or None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": self._api_id,
                "resourcePath": path,
                "httpMethod": request.method,
                "path": request.url.path,
                "stage": self.stage,
                "requestId": request_id,
                "requestTimeEpoch": int(time.time() * 1000),
                "protocol": "HTTP/1.1",
                "domainName": request.url.hostname,
                "identity": {
                    "sourceIp": request.client.host if request.client else None,
                    "userAgent": request.headers.get("user-agent"),
                },
            },
            # What is no binary media type reaches the function as text, broken bytes replaced.
            "body": (base64.b64encode(body).decode() if binary else body.decode(errors="replace"))
            or None,
            "isBase64Encoded": binary,
        }

    def _is_binary(self, media_type: str) -> bool:
        return media_type in self._binary or "*/*" in self._binary

    def _proxy_answer(self, request: Request, payload: bytes) -> Response | None:
        """Return the function's answer to the client, or None when it is malformed (a 502)."""
        try:
            answer = json.loads(payload)
            status = int(answer["statusCode"])
            body = answer.get("body") or ""
            content = body.encode()
            if answer.get("isBase64Encoded") and self._is_binary(_first_accepted(request)):
                content = base64.b64decode(body, validate=True)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            return None
        response = Response(content, status)
        headers = {name: [value] for name, value in (answer.get("headers") or {}).items()}
        headers |= answer.get("multiValueHeaders") or {}
        headers.setdefault("Content-Type", ["application/json"])
        for name, values in headers.items():
            for value in values:
                response.headers.append(name, str(value))
        return response


def _first_accepted(request: Request) -> str:
    return request.headers.get("accept", "").split(",")[0].split(";")[0].strip().lower()


async def _read(request: Request, limit: int) -> bytes | None:
    """Return the body, or None when it is longer than `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _read_routes(body: Mapping[str, Any]) -> dict[tuple[str, str], Route]:
    routes = {}
    for path, methods in body["paths"].items():
        if "{" in path:
            raise CannotStart(f"the route {path} has a parameter, which is not served offline yet")
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"].lower() == "mock":
                routes[path, method.upper()] = Route("", False, Mock.read(integration))
                continue
            uri = integration["uri"]
            function = uri.split("/functions/")[1].removesuffix("/invocations")
            needs_key = any("api_key" in each for each in operation.get("security", []))
            routes[path, method.upper()] = Route(function, needs_key)
    return routes
