"""A REST API: keys, throttles, and the functions behind its routes."""

import time

import orjson
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.apigateway.access_log import Variables, flattened
from kennel.cloud.apigateway.calls import LAMBDA_BYTES, Call, Invocations, read_body
from kennel.cloud.apigateway.definitions import OfType, Stage, rest_body, rest_stages, title
from kennel.cloud.apigateway.gateway_responses import GatewayResponses
from kennel.cloud.apigateway.operations import Mock, Route, read_operations
from kennel.cloud.apigateway.proxy import MediaTypes, proxy_event, proxy_response, request_context
from kennel.cloud.apigateway.routes import Routes
from kennel.cloud.apigateway.throttle import Buckets, method_limits, read_method_limits
from kennel.cloud.apigateway.usage import Key, UsagePlans
from kennel.cloud.awslambda.environments import Throttled
from kennel.cloud.awslambda.functions import NoSuchFunction, RequestTooLarge
from kennel.cloud.cloudformation.template import Resource

INTEGRATION_SECONDS = 29.0  # the default; more needs a quota increase and a regional API
_NO_ROUTE = Route("", "", "")


class RestApi:
    """A REST API as it is declared, which answers the requests to its stages.

    Parameters
    ----------
    of_type
        Returns the deployed resources of a type.
    buckets
        Of the limits of its stages' methods.

    Attributes
    ----------
    name
        What metrics call it.
    """

    def __init__(
        self,
        resource: Resource,
        of_type: OfType,
        invocations: Invocations,
        plans: UsagePlans,
        buckets: Buckets,
    ) -> None:
        body = rest_body(resource, of_type)
        self.id = resource.name
        self.name = title(resource, body)
        self.stages = {each.name: each for each in rest_stages(resource, of_type)}
        self.routes = Routes(read_operations(body))
        self.responses = GatewayResponses(body["x-amazon-apigateway-gateway-responses"])
        self._limits = {
            name: read_method_limits(each.settings) for name, each in self.stages.items()
        }
        self._media = MediaTypes(tuple(body.get("x-amazon-apigateway-binary-media-types", [])))
        self._invocations = invocations
        self._plans = plans
        self._buckets = buckets

    async def answer(
        self,
        request: Request,
        stage: Stage,
        path: str,
        whole_path: str,
        request_id: str,
        *,
        variables: Variables,
    ) -> Response:
        """Answer a client's request to a stage as the deployed API would.

        Parameters
        ----------
        path, whole_path
            As in `Call`.
        variables
            Gets what is known of the request, for the stage's access log.
        """
        match = self.routes.of_resource(path, request.method)
        route, parameters = match or (_NO_ROUTE, {})
        call = Call(request, self.id, stage, path, whole_path, route, parameters, request_id)
        if stage.access_log:
            variables |= flattened(request_context(call))
        if match is None:
            return self.responses.make("MISSING_AUTHENTICATION_TOKEN", request_id)
        key = self._admit(call)
        if isinstance(key, str):
            return self.responses.make(key, request_id)
        if key:
            variables |= {"identity.apiKey": key.value, "identity.apiKeyId": key.id}
        if route.mock:
            response = self._answer_mock(route.mock, request_id)
        else:
            response = await self._answer_by_function(call, key, variables)
        response.headers["x-amzn-requestid"] = request_id
        return response

    def _admit(self, call: Call) -> Key | str | None:
        """Return the key of a call that may be answered, or the reason that it may not."""
        path, stage, method = call.route.path, call.stage.name, call.request.method
        key: Key | str | None = None
        if call.route.needs_key:
            sent = call.request.headers.get("x-api-key")
            key = self._plans.admit(sent, (self.id, stage), f"{path}/{method}")
            if isinstance(key, str):
                return key
        limits = method_limits(self._limits[stage], path, method)
        limited = (self.id, stage, path, method)
        return key if self._buckets.take(limited, limits) else "THROTTLED"

    def _answer_mock(self, mock: Mock, request_id: str) -> Response:
        if "*/*" in self._media.binary and not mock.takes_text:
            return self.responses.make("API_CONFIGURATION_ERROR", request_id)
        media_type = "application/json" if mock.body else None
        return Response(mock.body, mock.status, dict(mock.headers), media_type)

    async def _answer_by_function(
        self, call: Call, key: Key | None, variables: Variables
    ) -> Response:
        headers, request_id = call.request.headers, call.request_id
        body = await read_body(call.request)
        if body is None:
            return self.responses.make("REQUEST_TOO_LARGE", request_id)
        binary = bool(body) and self._media.is_binary(headers.get("content-type", ""))
        payload = orjson.dumps(proxy_event(call, body, binary, key))
        if len(payload) > LAMBDA_BYTES:
            return self.responses.make("REQUEST_TOO_LARGE", request_id)
        started = time.perf_counter()
        try:
            outcome = await self._invocations.invoke(
                call.route, call.stage, payload, INTEGRATION_SECONDS
            )
        except (Throttled, NoSuchFunction, RequestTooLarge):
            return self.responses.make("INTEGRATION_FAILURE", request_id)
        except TimeoutError:
            return self.responses.make("INTEGRATION_TIMEOUT", request_id)
        finally:
            latency = round((time.perf_counter() - started) * 1000)
            variables |= {"integrationLatency": latency, "integration.latency": latency}
        # Lambda's own status; that of a throttled or missing function is not known to the caller.
        variables |= {"integrationStatus": 200, "integration.integrationStatus": 200}
        decode = self._media.is_binary(headers.get("accept", ""))
        answer = None if outcome.failed else proxy_response(outcome.payload, decode)
        if answer is None:
            return self.responses.make("DEFAULT_5XX", request_id)
        variables["integration.status"] = answer.status_code
        return answer
