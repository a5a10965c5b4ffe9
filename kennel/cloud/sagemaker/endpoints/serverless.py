"""Serve a variant without instances: start its model server on the first call, end it when idle.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html. On AWS each concurrent
request has a container of its own; here one process answers them all, MaxConcurrency at a time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.health import Health
from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.endpoints.fleet import Fleet, Start
from kennel.cloud.sagemaker.endpoints.instance import Instance
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import not_emulated

#: Offline seconds without a call, after which the process ends; AWS documents no number.
IDLE_SECONDS = 600.0
MAX_BODY_BYTES = 4 * 1024 * 1024  # of a request to a serverless endpoint

_MEMORY_STEP_MB = 1024
#: Members of a production variant that are about its instances.
_OF_INSTANCES = (
    *("InstanceType", "InitialInstanceCount", "InstancePools", "AcceleratorType"),
    *("VolumeSizeInGB", "ManagedInstanceScaling", "RoutingConfig", "EnableSSMAccess"),
    *("InferenceAmiVersion", "CapacityReservationConfig"),
)


def check_variant(variant: Json, model: Json, *, alone: bool) -> None:
    """Refuse what the service excludes of a variant with a ServerlessConfig.

    Parameters
    ----------
    model
        The variant's, as DescribeModel answers it.
    alone
        Whether the configuration has no other variant.
    """
    config = variant["ServerlessConfig"]
    if "ProvisionedConcurrency" in config:
        raise not_emulated("ProvisionedConcurrency of a serverless variant")
    if of_instances := [member for member in _OF_INSTANCES if member in variant]:
        raise invalid(f"{of_instances[0]} cannot be specified together with ServerlessConfig.")
    if (memory := config["MemorySizeInMB"]) % _MEMORY_STEP_MB:
        raise invalid(
            f"MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120, 6144: received {memory}."
        )
    if not alone:
        raise invalid("Serverless Inference does not support multiple production variants.")
    if model.get("EnableNetworkIsolation"):
        raise invalid("Serverless Inference does not support network isolation.")
    if model.get("VpcConfig"):
        raise invalid("Serverless Inference does not support VPC configuration.")


def check_update(old: ConfigSnapshot, new: ConfigSnapshot, deployment_config: Json | None) -> None:
    """Refuse an update from instances to serverless, and a rolling one of a serverless variant.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html excludes
    rolling deployments alone; no page says how a canary of a serverless variant is measured.
    """
    if not new.serverless():
        return
    if not old.serverless():
        raise invalid(
            "Cannot update an instance-based endpoint to a serverless endpoint: the endpoint "
            "configuration has a ServerlessConfig. Create another endpoint."
        )
    config = deployment_config or {}
    if "RollingUpdatePolicy" in config:
        raise invalid("Serverless Inference does not support rolling deployments.")
    policy = config.get("BlueGreenUpdatePolicy", {"TrafficRoutingConfiguration": {"Type": ""}})
    if (kind := policy["TrafficRoutingConfiguration"]["Type"]) in {"CANARY", "LINEAR"}:
        raise not_emulated(f"traffic routing of type {kind} for a serverless variant")


class ServerlessFleet(Fleet):
    """A fleet that starts an instance for a call and ends it after a time without calls.

    Parameters
    ----------
    max_concurrency
        Calls at a time; more are throttled.
    variant, config, start, clock, health, on_end
        As in `Fleet`.
    """

    serverless = True

    def __init__(
        self,
        max_concurrency: int,
        variant: str,
        config: str,
        start: Start,
        clock: Clock,
        *,
        health: Health | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(variant, config, start, clock, health=health, on_end=on_end)
        self._max_concurrency = max_concurrency
        self._open = 0
        self._ended = False
        self._start_now: asyncio.Future[None] | None = None
        self._idle: asyncio.Future[None] | None = None

    @contextlib.asynccontextmanager
    async def serving(self, body: bytes) -> AsyncIterator[Instance | None]:
        """Yield the instance that takes a call; the first call waits until it has started.

        Raises
        ------
        ServiceError
            ThrottlingException above MaxConcurrency, ValidationError for a large body.
        CannotServe
            When no instance starts.
        """
        if len(body) > MAX_BODY_BYTES:
            raise ServiceError(
                "ValidationError",
                f"The body has {len(body)} bytes, and a serverless endpoint takes at most "
                f"{MAX_BODY_BYTES}.",
            )
        if self._open >= self._max_concurrency:
            raise ServiceError("ThrottlingException", "Rate exceeded")
        self._open += 1
        if self._idle:
            self._idle.cancel()
        try:
            if not self.instances and not self._ended:
                await self._start_one()
            yield self.pick()
        finally:
            self._open -= 1
            self._end_when_idle()

    async def stop(self) -> None:
        """End the instance without waiting for open requests."""
        self._ended = True
        waiting = [task for task in (self._start_now, self._idle) if task]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await super().stop()

    async def retire(self) -> None:
        """End the instance once its open requests are answered."""
        self._ended = True
        if self._idle:
            self._idle.cancel()
        await super().retire()

    async def _start_one(self) -> None:
        # One start for all calls that wait, which goes on when its callers have given up.
        if self._start_now is None or self._start_now.done():
            self._start_now = asyncio.ensure_future(self.resize(1))
            self._start_now.add_done_callback(_forget_failure)
        await asyncio.shield(self._start_now)

    def _end_when_idle(self) -> None:
        if not self._open and not self._ended:
            self._idle = asyncio.ensure_future(self._end_at(self._clock.now() + IDLE_SECONDS))

    async def _end_at(self, moment: float) -> None:
        await self._clock.sleep_until(moment)
        await asyncio.shield(self.resize(0))


def _forget_failure(start: asyncio.Future[None]) -> None:
    """Take note of the exception of a start that nobody waits for any more."""
    if not start.cancelled():
        start.exception()
