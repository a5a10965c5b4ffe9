"""The deployed REST and HTTP APIs, which stacks add, change and delete while the cloud runs."""

import time
import uuid

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.access_log import AccessLogs, Variables
from kennel.cloud.apigateway.addressing import PREFIX, Addresses, HttpPlace, Place, id_in_host
from kennel.cloud.apigateway.calls import Invocations, raw_path
from kennel.cloud.apigateway.http_api import HttpApi
from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.apigateway.throttle import Buckets
from kennel.cloud.apigateway.usage import UsagePlans
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudwatch.metrics import Metrics

#: Metrics of both kinds of API have other names for the same thing.
_ERRORS = {True: ("4XXError", "5XXError"), False: ("4xx", "5xx")}


class Apis:
    """Answers the requests to every API.

    Parameters
    ----------
    resources
        Declare the APIs, their stages, keys and usage plans.
    functions
        Answer the routes.
    metrics
        Counts requests; None counts none.
    access_logs
        Has the requests to stages with an access log; None writes none.
    timeout
        Seconds that API Gateway waits for a function; None for its own.
    """

    def __init__(
        self,
        resources: DeployedResources,
        functions: LambdaService,
        plans: UsagePlans,
        metrics: Metrics | None = None,
        timeout: float | None = None,
        *,
        access_logs: AccessLogs | None = None,
    ) -> None:
        self._resources = resources
        self._plans = plans
        self._metrics = metrics
        self._access_logs = access_logs
        self._invocations = Invocations(functions, timeout)
        self._buckets = Buckets()
        self._version = -1
        self._addresses = Addresses({}, {})

    async def answer(self, request: Request) -> Response:
        """Answer a client's request as the deployed API would, and count it."""
        started, request_id = time.perf_counter(), str(uuid.uuid4())
        place = self.deployed().find(request, raw_path(request), request_id)
        match place:
            case Response():
                return place
            case Place(api, stage, path, whole_path):
                variables: Variables = {}
                response = await api.answer(
                    request, stage, path, whole_path, request_id, variables=variables
                )
                if self._access_logs and stage.access_log:
                    seconds = time.perf_counter() - started
                    self._access_logs.add(api.id, stage, variables, response, seconds)
                dimensions = {"ApiName": api.name}
                name = stage.name
            case HttpPlace(http, path):
                response = await http.answer(request, path, request_id)
                placed = http.stage_of(path)
                dimensions, name = {"ApiId": http.id}, placed[0].name if placed else ""
        seconds = time.perf_counter() - started
        self._count(dimensions, name, response.status_code, seconds, isinstance(place, Place))
        return response

    def claims(self, request: Request) -> bool:
        """Return whether a request names an API beyond doubt, whatever its path is elsewhere."""
        path = request.scope["path"]
        if id_in_host(request) or path.startswith(PREFIX):
            return True
        return bool(path == "/" and self.deployed().has_root())

    def path(self) -> str:
        """Return the path of the first API at the cloud's address; "" where there is none."""
        return next(iter(self.deployed().paths()), "")

    def key(self) -> str:
        """Return the value of the first API key; "" where there is none."""
        return next((each.value for each in self._plans.every_key()), "")

    async def stop(self) -> None:
        """Cancel the function invocations in progress, and wait for their end."""
        await self._invocations.stop()

    def deployed(self) -> Addresses:
        """Return the APIs as they are now; they are read again where resources have changed."""
        version = self._resources.version
        if version != self._version:
            of_type = self._resources.of_type
            rest = {
                each.name: RestApi(each, of_type, self._invocations, self._plans, self._buckets)
                for each in of_type("AWS::ApiGateway::RestApi")
            }
            http = {
                each.name: HttpApi(each, of_type, self._invocations, self._buckets)
                for each in of_type("AWS::ApiGatewayV2::Api")
            }
            self._addresses, self._version = Addresses(rest, http), version
        return self._addresses

    def _count(
        self, api: dict[str, str], stage: str, status: int, seconds: float, is_rest: bool
    ) -> None:
        """Count an answer in the metrics of API Gateway.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        """
        if not self._metrics:
            return
        client_error, server_error = _ERRORS[is_rest]
        values = {
            "Count": 1,
            client_error: int(400 <= status < 500),  # noqa: PLR2004
            server_error: int(status >= 500),  # noqa: PLR2004
            "Latency": seconds * 1000,
        }
        for name, value in values.items():
            unit = "Milliseconds" if name == "Latency" else "Count"
            for dimensions in (api, {**api, "Stage": stage}):
                self._metrics.count("AWS/ApiGateway", name, dimensions, value, unit)
