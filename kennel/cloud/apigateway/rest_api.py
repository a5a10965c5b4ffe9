"""The template's REST API: keys, usage plan, throttles, and the functions behind its routes."""

import asyncio
import json
import time
import uuid

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.gateway_responses import GatewayResponses
from kennel.cloud.apigateway.proxy import ProxyApi, proxy_event, proxy_response
from kennel.cloud.apigateway.routes import read_routes
from kennel.cloud.apigateway.throttle import Quota, StageThrottle, TokenBucket
from kennel.cloud.awslambda.emulator import Outcome
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.cloudformation.template import Stack
from kennel.cloud.cloudwatch.metrics import Metrics

REQUEST_BYTES = 10 * 2**20  # API Gateway's payload limit, not adjustable
INTEGRATION_SECONDS = 29.0  # the default; more needs a quota increase and a regional API
LAMBDA_BYTES = 6 * 2**20  # Lambda's limit of a synchronous request, base64 and all


class RestApi:
    """One API Gateway REST API with one stage, one key and one usage plan.

    Parameters
    ----------
    stack
        Declares the API, its stage and its usage plan.
    functions
        Answer the routes.
    key
        The value of the template's API key.
    metrics
        Counts requests; None counts none.
    timeout
        Seconds that API Gateway waits for a function.

    Attributes
    ----------
    quota
        The requests with the key, counted by day.
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
        self._proxy_api = ProxyApi(
            stack.only("AWS::ApiGateway::RestApi").name,
            self.stage,
            tuple(body.get("x-amazon-apigateway-binary-media-types", [])),
        )
        self._routes = read_routes(body)
        self._name = str(body.get("info", {}).get("title", stack.name))
        self._stage_limits = StageThrottle(stack.only("AWS::ApiGateway::Stage").properties)
        self._responses = GatewayResponses(body.get("x-amazon-apigateway-gateway-responses", {}))
        self._functions = functions
        self._key = key
        plans = stack.of_type("AWS::ApiGateway::UsagePlan")
        plan = stack.only("AWS::ApiGateway::UsagePlan").properties if plans else {}
        throttle, quota = plan.get("Throttle"), plan.get("Quota", {})
        self._bucket = throttle and TokenBucket(
            float(throttle["RateLimit"]), int(throttle["BurstLimit"])
        )
        limit = int(quota["Limit"]) if quota else None
        self.quota = Quota(limit, quota.get("Period", "DAY"))

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
        """Cancel the function invocations in progress, and wait for their end."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _invoke(self, function: str, payload: bytes) -> Outcome:
        """Invoke a function; after a TimeoutError it runs on, and its answer is lost."""
        task = asyncio.ensure_future(self._functions.invoke(function, payload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            raise TimeoutError
        return task.result()

    def _count(self, name: str, value: float, unit: str = "Count") -> None:
        """Count a value of a metric of API Gateway.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
        """
        if self._metrics:
            api = {"ApiName": self._name}
            for dimensions in (api, {**api, "Stage": self.stage}):
                self._metrics.count("AWS/ApiGateway", name, dimensions, value, unit)

    async def _answer(self, request: Request) -> Response:
        request_id = str(uuid.uuid4())
        whole_path = request.scope["path"]
        path = whole_path.removeprefix(f"/{self.stage}") or "/"
        route = self._routes.get((path, request.method))
        if not f"{whole_path}/".startswith(f"/{self.stage}/") or route is None:
            return self._responses.make("MISSING_AUTHENTICATION_TOKEN", request_id)
        if route.mock is not None:
            if "*/*" in self._proxy_api.binary_media_types and not route.mock.takes_text:
                return self._responses.make("API_CONFIGURATION_ERROR", request_id)
            return Response(status_code=route.mock.status, headers=dict(route.mock.headers))
        if route.needs_key:
            if request.headers.get("x-api-key") != self._key:
                return self._responses.make("INVALID_API_KEY", request_id)
            if self._bucket and not self._bucket.take():
                return self._responses.make("THROTTLED", request_id)
            if not self.quota.take():
                return self._responses.make("QUOTA_EXCEEDED", request_id)
        if not self._stage_limits.take(path, request.method):
            return self._responses.make("THROTTLED", request_id)
        body = await _read(request, REQUEST_BYTES)
        if body is None:
            return self._responses.make("REQUEST_TOO_LARGE", request_id)
        event = proxy_event(request, self._proxy_api, path, body, request_id)
        payload = json.dumps(event).encode()
        if len(payload) > LAMBDA_BYTES:
            return self._responses.make("REQUEST_TOO_LARGE", request_id)
        try:
            outcome = await self._invoke(route.function, payload)
        except Throttled:
            return self._responses.make("INTEGRATION_FAILURE", request_id)
        except TimeoutError:
            return self._responses.make("INTEGRATION_TIMEOUT", request_id)
        answer = (
            None if outcome.failed else proxy_response(request, self._proxy_api, outcome.payload)
        )
        return answer or self._responses.make("DEFAULT_5XX", request_id)


async def _read(request: Request, limit: int) -> bytes | None:
    """Return the body, or None when it is longer than `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
