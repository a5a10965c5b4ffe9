"""Endpoints: the API's actions, over `changes` that carry them out behind.

How it is wired: `Endpoints(store, fetch, logs, clock=..., faults=..., metrics=...,
tripped=alarms.tripped, scaling=Registrations(...), notice=...)`; then `await endpoints.start()`
once S3 is there, which brings up again what the store has; `await endpoints.stop()` ends every
serving process, and the store keeps what was there.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout, rollout_of
from kennel.cloud.sagemaker.endpoints.endpoint import BUSY, Deployment, Endpoint, Plan
from kennel.cloud.sagemaker.endpoints.heartbeat import Heartbeat
from kennel.cloud.sagemaker.endpoints.instance import (
    GRACE_SECONDS,
    INVOKE_SECONDS,
    Images,
    no_images,
)
from kennel.cloud.sagemaker.endpoints.invoke import Answer, Invocations
from kennel.cloud.sagemaker.endpoints.launcher import Fetch, Launcher
from kennel.cloud.sagemaker.endpoints.models import Models
from kennel.cloud.sagemaker.endpoints.persistence import Keeper, Notice
from kennel.cloud.sagemaker.endpoints.traffic import Tripped
from kennel.cloud.sagemaker.endpoints.transitions import Changes
from kennel.cloud.sagemaker.errors import ServiceError, existing, missing
from kennel.cloud.sagemaker.resources import arn_of


class Scaling(Protocol):
    """What an endpoint needs to know of Application Auto Scaling."""

    async def variants(self, endpoint: str) -> set[str]:
        """Return the variants of an endpoint that are registered as scalable targets."""

    async def forget(self, endpoint: str) -> None:
        """Deregister them."""


class Endpoints(Models):
    """Models, configurations and endpoints: one method an API action.

    Parameters
    ----------
    store
        Where models and configurations are kept, and each endpoint as it is described.
    fetch, logs, images, grace_seconds, invoke_seconds
        As in `Launcher`.
    metrics
        Where invocations are counted; None counts none.
    tripped
        Which alarms were in ALARM (`Alarms.tripped`); None rolls nothing back.
    scaling
        The registrations; None has none.
    notice
        Told of each change of an endpoint's state.
    """

    def __init__(
        self,
        store: Store,
        fetch: Fetch,
        logs: Path,
        *,
        clock: Clock | None = None,
        faults: Faults | None = None,
        images: Images = no_images,
        metrics: Metrics | None = None,
        tripped: Tripped | None = None,
        scaling: Scaling | None = None,
        notice: Notice = lambda kind, detail: None,
        grace_seconds: float = GRACE_SECONDS,
        invoke_seconds: float = INVOKE_SECONDS,
    ) -> None:
        clock = clock or Clock()
        faults = faults or Faults()
        super().__init__(store, clock)
        launcher = Launcher(
            fetch,
            logs,
            clock,
            images=images,
            grace_seconds=grace_seconds,
            invoke_seconds=invoke_seconds,
        )
        self._keeper = Keeper(store, notice)
        self._changes = Changes(launcher, clock, faults, self._keeper.keep, tripped)
        self._invocations = Invocations(clock, faults, metrics)
        self._heartbeat = Heartbeat(self.all, clock, metrics) if metrics else None
        self._scaling = scaling
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bring up what the store has; return when every endpoint is up or has failed."""
        if self._heartbeat:
            self._later(self._heartbeat.run())
        self._endpoints |= {each.name: each for each in self._keeper.restored(self._clock.now())}
        pending = [each for each in self.all() if each.pending]
        await asyncio.gather(*(self._bring_back(each) for each in pending))

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

    # the actions

    async def create_endpoint(self, request: Json) -> Json:
        """CreateEndpoint: answers at once, the instances come up behind."""
        name = request["EndpointName"]
        if name in self._endpoints:
            raise existing("endpoint", arn_of("endpoint", name))
        plan = self.plan(request["EndpointConfigName"])
        now = self._clock.now()
        endpoint = self._endpoints[name] = Endpoint(name, plan.name, created=now, modified=now)
        endpoint.pending = Deployment(plan, plan.counts(), plan.weights(), started=now)
        self._deploy(endpoint, rollout_of(None, plan.counts(), {}), "CreateEndpoint")
        return {"EndpointArn": arn_of("endpoint", name)}

    async def update_endpoint(self, request: Json) -> Json:
        """UpdateEndpoint: a new fleet first, then the traffic step by step, then the old one ends.

        Without RetainAllVariantProperties the fleet goes back to InitialInstanceCount.
        """
        endpoint = self._settled(request["EndpointName"])
        live = endpoint.live
        plan = self.plan(request["EndpointConfigName"])
        if live is None or endpoint.status != "InService":
            arn = arn_of("endpoint", endpoint.name)
            raise _invalid(f'Cannot update endpoint "{arn}" with status {endpoint.status}.')
        await self._refuse_scaled(endpoint, live.plan, plan)
        counts, weights = plan.counts(), plan.weights()
        if request.get("RetainAllVariantProperties"):
            excluded = {
                each["VariantPropertyType"]
                for each in request.get("ExcludeRetainedVariantProperties", [])
            }
            if "DesiredInstanceCount" not in excluded:
                counts |= {name: live.counts[name] for name in counts if name in live.counts}
            if "DesiredWeight" not in excluded:
                weights |= {name: live.weights[name] for name in weights if name in live.weights}
        config = request.get("DeploymentConfig")
        if config is None and request.get("RetainDeploymentConfig"):
            config = endpoint.last_deployment
        rollout = rollout_of(config, counts, live.counts)
        endpoint.last_deployment = config
        endpoint.pending = Deployment(plan, counts, weights, started=self._clock.now())
        self._deploy(endpoint, rollout, "UpdateEndpoint")
        return {"EndpointArn": arn_of("endpoint", endpoint.name)}

    async def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        """UpdateEndpointWeightsAndCapacities."""
        endpoint = self._settled(request["EndpointName"])
        live = endpoint.live
        arn = arn_of("endpoint", endpoint.name)
        if live is None or endpoint.status != "InService":
            raise _invalid(f'Cannot update endpoint "{arn}" with status {endpoint.status}.')
        wanted = request["DesiredWeightsAndCapacities"]
        for each in wanted:
            if each["VariantName"] not in live.counts:
                raise _invalid(f'Could not find variant "{each["VariantName"]}" of "{arn}".')
            if each.get("DesiredInstanceCount") == 0:
                raise _invalid("DesiredInstanceCount must be 1 or more for an instance variant.")
        counts = {
            each["VariantName"]: each["DesiredInstanceCount"]
            for each in wanted
            if "DesiredInstanceCount" in each
        }
        weights = {
            each["VariantName"]: each["DesiredWeight"] for each in wanted if "DesiredWeight" in each
        }
        self._changes.become(endpoint, "Updating")
        self._later(self._changes.scale(endpoint, counts, weights))
        return {"EndpointArn": arn}

    async def delete_endpoint(self, request: Json) -> Json:
        """DeleteEndpoint: Deleting until its processes have ended, then gone."""
        endpoint = self._settled(request["EndpointName"])
        self._changes.become(endpoint, "Deleting")
        self._later(self._remove(endpoint))
        return {}

    async def describe_endpoint(self, request: Json) -> Json:
        """DescribeEndpoint."""
        return self._existing(request["EndpointName"]).describe()

    async def invoke(self, name: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """InvokeEndpoint: see `Invocations.invoke`."""
        return await self._invocations.invoke(self._endpoints.get(name), name, body, headers)

    async def dependent_permissions(self, action: str, request: Json) -> list[RequiredPermission]:
        """Return what a call needs beside its own permission: to delete is to deregister, too.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
        """
        if action != "DeleteEndpoint" or self._scaling is None:
            return []
        if not await self._scaling.variants(request["EndpointName"]):
            return []
        target = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/offline"
        context = {
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
        }
        return [
            RequiredPermission("application-autoscaling:DeregisterScalableTarget", target, context)
        ]

    # behind them

    def _existing(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise missing("endpoint", arn_of("endpoint", name))
        return self._endpoints[name]

    def _settled(self, name: str) -> Endpoint:
        endpoint = self._existing(name)
        if endpoint.status in BUSY:
            arn = arn_of("endpoint", name)  # the service says "update" of a deletion, too
            raise _invalid(f'Cannot update in-progress endpoint "{arn}".')
        return endpoint

    async def _refuse_scaled(self, endpoint: Endpoint, old: Plan, new: Plan) -> None:
        """Refuse to change the instance type of a scalable target, or to remove it.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
        """
        if self._scaling is None:
            return
        before, after = old.variants(), new.variants()
        changed = sorted(
            name
            for name in await self._scaling.variants(endpoint.name)
            if name not in after
            or (name in before and before[name]["InstanceType"] != after[name]["InstanceType"])
        )
        if changed:
            raise _invalid(
                f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets '
                "with AWS Auto Scaling before they can be removed or have their instance type "
                "updated."
            )

    def _deploy(self, endpoint: Endpoint, rollout: Rollout, action: str) -> None:
        self._changes.become(endpoint, "Updating" if endpoint.live else "Creating")
        self._later(self._changes.deploy(endpoint, rollout, action))

    async def _remove(self, endpoint: Endpoint) -> None:
        if self._scaling:
            await self._scaling.forget(endpoint.name)
        await asyncio.gather(*(fleet.stop() for fleet in endpoint.fleets()))
        del self._endpoints[endpoint.name]
        self._keeper.forget(endpoint.name)

    async def _bring_back(self, endpoint: Endpoint) -> None:
        """Start the processes of an endpoint that served before; meanwhile it is SystemUpdating."""
        assert endpoint.pending  # noqa: S101 - who calls has looked
        self._changes.become(endpoint, "SystemUpdating", endpoint.failure)
        rollout = rollout_of(None, endpoint.pending.counts, {})
        await self._changes.deploy(endpoint, rollout, "")

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
