"""Answer InvokeEndpoint: route the request, map the errors, publish CloudWatch metrics.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import INVOKE_SECONDS, CannotServe, Instance
from kennel.cloud.sagemaker.handlers import not_emulated

MAX_BODY_BYTES = 6_291_456  # botocore's shape BodyBlob
NAMESPACE = "AWS/SageMaker"
_MICROSECONDS = "Microseconds"

_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_FORWARDED = ("content-type", "accept", _ATTRIBUTES, "x-amzn-sagemaker-inference-id")
_NOT_EMULATED = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-session-id": "SessionId",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
}
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the "
    "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class InvokeResponse:
    """The model's response body, and the headers that the service adds."""

    body: bytes
    headers: Mapping[str, str]


class EndpointInvoker:
    """Send requests to instances.

    Parameters
    ----------
    metrics
        Where invocations are counted; None counts none.
    """

    def __init__(self, clock: Clock, faults: Faults, metrics: Metrics | None) -> None:
        self._clock = clock
        self._faults = faults
        self._metrics = metrics

    async def invoke(
        self, endpoint: Endpoint | None, name: str, body: bytes, headers: Mapping[str, str]
    ) -> InvokeResponse:
        """Send one request to an instance of the endpoint.

        Parameters
        ----------
        endpoint
            None for an endpoint that does not exist.
        headers
            The request's headers, their names in any case.

        Raises
        ------
        ServiceError
            ValidationError (400) for a missing endpoint or variant and a large body, ModelError
            (424) for an error of the model or a timeout, ServiceUnavailable (503) when no
            instance answers, ThrottlingException for a serverless variant that is busy.
        """
        lower_headers = {key.lower(): value for key, value in headers.items()}
        if len(body) > MAX_BODY_BYTES:
            raise _validation_error(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BODY_BYTES}"
            )
        for header, member in _NOT_EMULATED.items():
            if header in lower_headers:
                raise not_emulated(f"{member} of InvokeEndpoint")
        if endpoint is None or endpoint.live is None:
            raise _validation_error(f"Endpoint {name} of account {ACCOUNT} not found.")
        variant = lower_headers.get("x-amzn-sagemaker-target-variant")
        if variant and variant not in endpoint.live.fleets:
            raise _validation_error(
                f"Variant {variant} not found for Endpoint {name} of account {ACCOUNT}."
            )
        fleet = endpoint.choose_fleet(variant)
        if fleet is None:
            raise _unavailable()
        return await self._invoke_measured(endpoint, fleet, body, lower_headers)

    async def _invoke_measured(
        self, endpoint: Endpoint, fleet: Fleet, body: bytes, headers: Mapping[str, str]
    ) -> InvokeResponse:
        started, running = time.perf_counter(), max(len(fleet.instances), 1)
        status, latency = 200, math.nan
        try:
            fault = self._faults.take("InvokeEndpoint", endpoint.name)
            response = await self._apply_fault(fault, endpoint, fleet)
            if response is None:
                async with fleet.serving(body) as instance:  # a cold start is no model latency
                    sent = time.perf_counter()
                    try:
                        response = await _send(endpoint, fleet, instance, body, headers)
                    finally:
                        latency = time.perf_counter() - sent
            if not response.is_success:
                raise model_error(endpoint.name, fleet, response.status_code, response.text)
        except CannotServe as error:  # of a serverless variant
            status = 500
            raise model_error(endpoint.name, fleet, status, str(error)) from error
        except ServiceError as error:
            status = int(error.details.get("OriginalStatusCode", error.status)) or 500
            raise
        finally:
            elapsed = time.perf_counter() - started
            self._publish(endpoint, fleet, status, latency, elapsed, running)
        return InvokeResponse(response.content, _response_headers(response, fleet))

    async def _apply_fault(
        self, fault: Fault | None, endpoint: Endpoint, fleet: Fleet
    ) -> httpx.Response | None:
        """Apply a fault; return a response that stands for the model's, or None to go on."""
        if fault is None:
            return None
        if fault.how == "hang":
            await self._clock.sleep(INVOKE_SECONDS)
            raise model_error(endpoint.name, fleet, 0, _TIMED_OUT)
        if fault.how == "lose":
            await asyncio.gather(*(each.kill() for each in endpoint.fleets()))
            return None
        return httpx.Response(500, text=fault.reason or "a fault was requested")

    def _publish(  # noqa: PLR0917
        self,
        endpoint: Endpoint,
        fleet: Fleet,
        status: int,
        latency: float,
        elapsed: float,
        running: int,
    ) -> None:
        if self._metrics is None:
            return
        overhead = elapsed if math.isnan(latency) else elapsed - latency
        values = {
            "Invocations": (1.0, "None"),
            "InvocationsPerInstance": (1.0 / running, "None"),
            "Invocation4XXErrors": (float(400 <= status < 500), "None"),  # noqa: PLR2004
            "Invocation5XXErrors": (float(status >= 500), "None"),  # noqa: PLR2004
            "InvocationModelErrors": (float(status >= 400), "None"),  # noqa: PLR2004
            "OverheadLatency": (1e6 * overhead, _MICROSECONDS),
        }
        if not math.isnan(latency):
            values["ModelLatency"] = (1e6 * latency, _MICROSECONDS)
        variant = {"EndpointName": endpoint.name, "VariantName": fleet.variant}
        for dimensions in (variant, {**variant, "EndpointConfigName": fleet.config}):
            for metric, (value, unit) in values.items():
                self._metrics.count(NAMESPACE, metric, dimensions, value, unit)


async def _send(
    endpoint: Endpoint,
    fleet: Fleet,
    instance: Instance | None,
    body: bytes,
    headers: Mapping[str, str],
) -> httpx.Response:
    if instance is None:
        raise _unavailable()
    forwarded = {name: headers[name] for name in _FORWARDED if name in headers}
    try:
        return await instance.invoke(body, forwarded)
    except httpx.TimeoutException as error:
        raise model_error(endpoint.name, fleet, 0, _TIMED_OUT) from error
    except httpx.TransportError as error:
        raise _unavailable() from error


def model_error(endpoint: str, fleet: Fleet, status: int, message: str) -> ServiceError:
    """Return ModelError for a model that answered `status`; 0 for one that did not in time."""
    kind = "client" if 400 <= status < 500 else "server"  # noqa: PLR2004
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    console = f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
    return ServiceError(
        "ModelError",
        f'Received {kind} error ({status}) from primary with message "{message}". '
        f"See {console}#logEventViewer:group={group} in account {ACCOUNT} for more information.",
        424,
        {
            "OriginalStatusCode": status,
            "OriginalMessage": message,
            "LogStreamArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:"
            f"{fleet.variant}",
        },
    )


def _response_headers(response: httpx.Response, fleet: Fleet) -> dict[str, str]:
    headers = {"x-amzn-invoked-production-variant": fleet.variant}
    for name in ("content-type", _ATTRIBUTES):
        if name in response.headers:
            headers[name] = response.headers[name]
    return headers


def _validation_error(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _unavailable() -> ServiceError:
    return ServiceError("ServiceUnavailable", "The service is currently unavailable.", 503)
