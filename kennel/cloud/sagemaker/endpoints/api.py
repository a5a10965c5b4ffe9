"""Answer the actions of endpoints; `transitions.py` carries them out in the background."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path

from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.health import Health
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.deployment import Deployment, updated_capacity
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout, rollout_of
from kennel.cloud.sagemaker.endpoints.endpoint import BUSY, Endpoint
from kennel.cloud.sagemaker.endpoints.heartbeat import Heartbeat
from kennel.cloud.sagemaker.endpoints.images import ImageResolver
from kennel.cloud.sagemaker.endpoints.instance import GRACE_SECONDS, INVOKE_SECONDS
from kennel.cloud.sagemaker.endpoints.invoke import EndpointInvoker, InvokeResponse
from kennel.cloud.sagemaker.endpoints.launcher import FetchPackage, Launcher
from kennel.cloud.sagemaker.endpoints.persistence import EndpointStore, PublishEvent
from kennel.cloud.sagemaker.endpoints.records import read_record
from kennel.cloud.sagemaker.endpoints.scaling import (
    ScalableVariants,
    deregistration_permissions,
    refuse_scaled_changes,
)
from kennel.cloud.sagemaker.endpoints.serverless import check_update
from kennel.cloud.sagemaker.endpoints.snapshot import take_snapshot
from kennel.cloud.sagemaker.endpoints.traffic import TrippedAlarms
from kennel.cloud.sagemaker.endpoints.transitions import EndpointTransitions
from kennel.cloud.sagemaker.errors import existing, invalid, missing
from kennel.cloud.sagemaker.handlers import Handler, not_emulated
from kennel.cloud.sagemaker.image_pulls import CheckPull, allow_every_pull
from kennel.cloud.sagemaker.resources import arn_of


class Endpoints:
    """Endpoints and their serving processes.

    `await start()` once S3 runs: it starts the stored endpoints again. `await stop()` ends every
    serving process; the store keeps the endpoints.

    Parameters
    ----------
    store
        Holds models and configurations, and each endpoint as it is described.
    fetch_package, logs, resolve_image, health, check_pull, grace_seconds, invoke_seconds
        As in `Launcher`.
    metrics
        Where invocations are counted; None counts none.
    tripped_alarms
        Reads the alarms of a deployment; None reads none.
    scalable
        The registered scalable targets; None for none.
    publish
        Receives an event for each change of an endpoint.
    """

    def __init__(
        self,
        store: Store,
        fetch_package: FetchPackage,
        logs: Path,
        resolve_image: ImageResolver,
        *,
        clock: Clock | None = None,
        faults: Faults | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
        tripped_alarms: TrippedAlarms | None = None,
        scalable: ScalableVariants | None = None,
        publish: PublishEvent = lambda *event: None,
        check_pull: CheckPull = allow_every_pull,
        grace_seconds: float = GRACE_SECONDS,
        invoke_seconds: float = INVOKE_SECONDS,
    ) -> None:
        clock = clock or Clock()
        faults = faults or Faults()
        launcher = Launcher(
            fetch_package,
            logs,
            clock,
            resolve_image=resolve_image,
            health=health or Health(),
            check_pull=check_pull,
            grace_seconds=grace_seconds,
            invoke_seconds=invoke_seconds,
        )
        self._store = store
        self._clock = clock
        self._saved = EndpointStore(store, publish)
        self._transitions = EndpointTransitions(
            launcher, clock, faults, self._saved.save, tripped_alarms
        )
        self._invoker = EndpointInvoker(clock, faults, metrics)
        self._heartbeat = Heartbeat(self.all, clock, metrics) if metrics else None
        self._scalable = scalable
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateEndpoint": self.create_endpoint,
            "UpdateEndpoint": self.update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self.update_endpoint_weights_and_capacities,
            "DeleteEndpoint": self.delete_endpoint,
            "DescribeEndpoint": self.describe_endpoint,
        }

    async def start(self) -> None:
        """Start the stored endpoints; return when each is in service or has failed."""
        for name in self._saved.deleting():
            if self._scalable:
                await self._scalable.forget(name)
            self._saved.delete(name)
        self._endpoints |= {each.name: each for each in self._saved.load(self._clock.now())}
        await asyncio.gather(*(self._restart(each) for each in self.all() if each.pending))

    async def beat(self) -> None:
        """Publish the metrics that endpoints have without requests, until cancelled."""
        if self._heartbeat:
            await self._heartbeat.run()

    async def stop(self) -> None:
        """End every serving process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        fleets = [fleet for each in self._endpoints.values() for fleet in each.fleets()]
        await asyncio.gather(*(fleet.stop() for fleet in fleets))

    def all(self) -> Iterable[Endpoint]:
        """Return every endpoint."""
        return self._endpoints.values()

    async def create_endpoint(self, request: Json) -> Json:
        """CreateEndpoint: answer at once, start the instances in the background."""
        name = request["EndpointName"]
        if name in self._endpoints:
            raise existing("endpoint", arn_of("endpoint", name))
        snapshot = take_snapshot(self._store, request["EndpointConfigName"])
        now, counts = self._clock.now(), snapshot.counts()
        endpoint = Endpoint(name, snapshot.name, created=now, modified=now)
        endpoint.pending = Deployment(snapshot, counts, snapshot.weights(), started=now)
        self._endpoints[name] = endpoint
        self._deploy(endpoint, rollout_of(None, counts, {}), "CreateEndpoint")
        return {"EndpointArn": endpoint.arn}

    async def update_endpoint(self, request: Json) -> Json:
        """UpdateEndpoint: start a new fleet, shift the traffic to it, end the old one.

        Without RetainAllVariantProperties the fleet goes back to InitialInstanceCount.
        """
        endpoint = self._settled(request["EndpointName"])
        snapshot = take_snapshot(self._store, request["EndpointConfigName"])
        live = _live_deployment(endpoint)
        config = request.get("DeploymentConfig")
        if config is None and request.get("RetainDeploymentConfig"):
            config = endpoint.last_deployment_config
        check_update(live.snapshot, snapshot, config)
        await refuse_scaled_changes(self._scalable, endpoint.name, live.snapshot, snapshot)
        counts, weights = updated_capacity(request, live, snapshot)
        rollout = rollout_of(config, counts, live.counts)
        endpoint.last_deployment_config = config
        endpoint.pending = Deployment(snapshot, counts, weights, started=self._clock.now())
        self._deploy(endpoint, rollout, "UpdateEndpoint")
        return {"EndpointArn": endpoint.arn}

    async def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        """UpdateEndpointWeightsAndCapacities."""
        endpoint = self._settled(request["EndpointName"])
        live = _live_deployment(endpoint)
        desired = request["DesiredWeightsAndCapacities"]
        for variant in desired:
            if variant["VariantName"] not in live.counts:
                raise invalid(
                    f'Could not find variant "{variant["VariantName"]}" of "{endpoint.arn}".'
                )
            if "ServerlessUpdateConfig" in variant:
                raise not_emulated("ServerlessUpdateConfig")
            if "DesiredInstanceCount" in variant and live.snapshot.serverless():
                raise invalid("DesiredInstanceCount cannot be set for a serverless variant.")
            if variant.get("DesiredInstanceCount") == 0:
                raise invalid("DesiredInstanceCount must be 1 or more for an instance variant.")
        counts = _by_variant(desired, "DesiredInstanceCount")
        weights = _by_variant(desired, "DesiredWeight")
        self._transitions.enter(endpoint, "Updating")
        self._run_in_background(self._transitions.scale(endpoint, counts, weights))
        return {"EndpointArn": endpoint.arn}

    async def delete_endpoint(self, request: Json) -> Json:
        """DeleteEndpoint: Deleting until its processes have ended."""
        endpoint = self._settled(request["EndpointName"])
        self._transitions.enter(endpoint, "Deleting")
        self._run_in_background(self._remove(endpoint))
        return {}

    async def describe_endpoint(self, request: Json) -> Json:
        """DescribeEndpoint."""
        return self._existing(request["EndpointName"]).describe()

    async def describe_endpoint_config(self, request: Json) -> Json:
        """Return a configuration to Application Auto Scaling, as DescribeEndpointConfig does."""
        return read_record(self._store, "endpoint-config", request["EndpointConfigName"])

    async def invoke(self, name: str, body: bytes, headers: Mapping[str, str]) -> InvokeResponse:
        """InvokeEndpoint: see `EndpointInvoker.invoke`."""
        return await self._invoker.invoke(self._endpoints.get(name), name, body, headers)

    async def dependent_permissions(self, action: str, request: Json) -> list[RequiredPermission]:
        """Return what a call requires because of the present state of its endpoint."""
        if action != "DeleteEndpoint":
            return []
        return await deregistration_permissions(self._scalable, request["EndpointName"])

    def _existing(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise missing("endpoint", arn_of("endpoint", name))
        return self._endpoints[name]

    def _settled(self, name: str) -> Endpoint:
        endpoint = self._existing(name)
        if endpoint.status in BUSY:  # the service says "update" of a deletion, too
            raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        return endpoint

    def _deploy(self, endpoint: Endpoint, rollout: Rollout, action: str) -> None:
        self._transitions.enter(endpoint, "Updating" if endpoint.live else "Creating")
        self._run_in_background(self._transitions.deploy(endpoint, rollout, action))

    async def _remove(self, endpoint: Endpoint) -> None:
        if self._scalable:
            await self._scalable.forget(endpoint.name)
        await asyncio.gather(*(fleet.stop() for fleet in endpoint.fleets()))
        del self._endpoints[endpoint.name]
        self._saved.delete(endpoint.name)

    async def _restart(self, endpoint: Endpoint) -> None:
        """Start a stored endpoint's processes; meanwhile it is SystemUpdating."""
        assert endpoint.pending  # noqa: S101 - `start` has checked
        self._transitions.enter(endpoint, "SystemUpdating", endpoint.failure)
        rollout = rollout_of(None, endpoint.pending.counts, {})
        await self._transitions.deploy(endpoint, rollout, "")

    def _run_in_background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _live_deployment(endpoint: Endpoint) -> Deployment:
    """Return the deployment that serves; ServiceError unless the endpoint is InService."""
    if endpoint.live is None or endpoint.status != "InService":
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" with status {endpoint.status}.')
    return endpoint.live


def _by_variant(desired: Iterable[Json], member: str) -> Json:
    """Return a member of DesiredWeightsAndCapacities by variant, where it is given."""
    return {each["VariantName"]: each[member] for each in desired if member in each}
