"""InvokeEndpoint: routing, the service's errors, and what is counted in CloudWatch.

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
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import INVOKE_SECONDS
from kennel.cloud.sagemaker.errors import ServiceError

MOST_BYTES = 6_291_456  # botocore's shape BodyBlob
NAMESPACE = "AWS/SageMaker"

_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_PASSED = ("content-type", "accept", _ATTRIBUTES, "x-amzn-sagemaker-inference-id")
_NOT_IMITATED = {
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
class Answer:
    """A successful invocation: the model's bytes, and the headers that the service adds."""

    body: bytes
    headers: Mapping[str, str]


class Invocations:
    """Sends requests to instances."""

    def __init__(self, clock: Clock, faults: Faults, metrics: Metrics | None) -> None:
        self._clock = clock
        self._faults = faults
        self._metrics = metrics

    async def invoke(
        self, endpoint: Endpoint | None, name: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Answer one request.

        Parameters
        ----------
        endpoint
            None when there is none of that name.
        headers
            The request's, their names in any case.

        Raises
        ------
        ServiceError
            ValidationError (400) for a missing endpoint or variant and a large body, ModelError
            (424) for what the model answers or when it takes too long, ServiceUnavailable (503)
            when no instance answers.
        """
        given = {key.lower(): value for key, value in headers.items()}
        if len(body) > MOST_BYTES:
            raise _invalid(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MOST_BYTES}"
            )
        for header, member in _NOT_IMITATED.items():
            if header in given:
                message = f"the offline cloud does not imitate {member} of InvokeEndpoint"
                raise ServiceError("NotImplementedOffline", message, 501)
        if endpoint is None or endpoint.live is None:
            raise _invalid(f"Endpoint {name} of account {ACCOUNT} not found.")
        variant = given.get("x-amzn-sagemaker-target-variant")
        if variant and variant not in endpoint.live.fleets:
            raise _invalid(f"Variant {variant} not found for Endpoint {name} of account {ACCOUNT}.")
        fleet = endpoint.choose(variant)
        if fleet is None:
            raise _unavailable()
        return await self._measured(endpoint, fleet, body, given)

    async def _measured(
        self, endpoint: Endpoint, fleet: Fleet, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        started, running = time.perf_counter(), max(len(fleet.instances), 1)
        status, latency = 200, math.nan
        try:
            fault = self._faults.take("InvokeEndpoint", endpoint.name)
            answer = await self._faulty(fault, endpoint, fleet)
            if answer is None:
                asked = time.perf_counter()
                try:
                    answer = await _ask(endpoint, fleet, body, headers)
                finally:
                    latency = time.perf_counter() - asked
            if not answer.is_success:
                raise model_error(endpoint.name, fleet, answer.status_code, answer.text)
        except ServiceError as error:
            status = int(error.details.get("OriginalStatusCode", error.status)) or 500
            raise
        finally:
            spent = time.perf_counter() - started
            self._count(endpoint, fleet, status, latency, spent, running)
        return Answer(answer.content, _passed_back(answer, fleet))

    async def _faulty(
        self, fault: Fault | None, endpoint: Endpoint, fleet: Fleet
    ) -> httpx.Response | None:
        """Do what a fault asks for; None to go on."""
        if fault is None:
            return None
        if fault.how == "hang":
            await self._clock.sleep(INVOKE_SECONDS)
            raise model_error(endpoint.name, fleet, 0, _TIMED_OUT)
        if fault.how == "lose":
            await asyncio.gather(*(each.kill() for each in endpoint.fleets()))
            return None
        return httpx.Response(500, text=fault.reason or "a fault was asked for")

    def _count(  # noqa: PLR0917
        self,
        endpoint: Endpoint,
        fleet: Fleet,
        status: int,
        latency: float,
        spent: float,
        running: int,
    ) -> None:
        if self._metrics is None:
            return
        values = {
            "Invocations": (1.0, "None"),
            "InvocationsPerInstance": (1.0 / running, "None"),
            "Invocation4XXErrors": (float(400 <= status < 500), "None"),  # noqa: PLR2004
            "Invocation5XXErrors": (float(status >= 500), "None"),  # noqa: PLR2004
            "InvocationModelErrors": (float(status >= 400), "None"),  # noqa: PLR2004
            "OverheadLatency": (1e6 * (spent if math.isnan(latency) else spent - latency), _MICRO),
        }
        if not math.isnan(latency):
            values["ModelLatency"] = (1e6 * latency, _MICRO)
        variant = {"EndpointName": endpoint.name, "VariantName": fleet.variant}
        for dimensions in (variant, {**variant, "EndpointConfigName": fleet.config}):
            for metric, (value, unit) in values.items():
                self._metrics.count(NAMESPACE, metric, dimensions, value, unit)


_MICRO = "Microseconds"


async def _ask(
    endpoint: Endpoint, fleet: Fleet, body: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    instance = fleet.pick()
    if instance is None:
        raise _unavailable()
    passed = {name: headers[name] for name in _PASSED if name in headers}
    try:
        return await instance.invoke(body, passed)
    except httpx.TimeoutException as error:
        raise model_error(endpoint.name, fleet, 0, _TIMED_OUT) from error
    except httpx.TransportError as error:
        raise _unavailable() from error


def model_error(endpoint: str, fleet: Fleet, status: int, message: str) -> ServiceError:
    """Return the error for a model that answered `status`, or 0: did not answer in time."""
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


def _passed_back(answer: httpx.Response, fleet: Fleet) -> dict[str, str]:
    headers = {"x-amzn-invoked-production-variant": fleet.variant}
    for name in ("content-type", _ATTRIBUTES):
        if name in answer.headers:
            headers[name] = answer.headers[name]
    return headers


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _unavailable() -> ServiceError:
    return ServiceError("ServiceUnavailable", "The service is currently unavailable.", 503)
