"""Carry out CreateEndpoint, UpdateEndpoint and UpdateEndpointWeightsAndCapacities.

States as the service shows them: Creating or Updating, then InService. A change that fails is
rolled back (RollingBack) to the live deployment, with the reason in FailureReason; a first
deployment that fails leaves the endpoint Failed. `traffic.py` shifts the traffic.
"""

import asyncio
from collections.abc import Callable, Mapping

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.sagemaker.endpoints.deployment import Deployment
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint
from kennel.cloud.sagemaker.endpoints.instance import CannotServe
from kennel.cloud.sagemaker.endpoints.launcher import Launcher
from kennel.cloud.sagemaker.endpoints.traffic import (
    DeploymentFailed,
    TrafficShifter,
    TrippedAlarms,
    roll_back_traffic,
)

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time. Consider configuring "
    "InstancePools in your EndpointConfig with multiple instance types for priority-based "
    "fallback to improve capacity availability."
)


class EndpointTransitions:
    """Move endpoints from one state to the next.

    Parameters
    ----------
    on_change
        Called whenever an endpoint's description changes, to store and to publish it.
    tripped_alarms
        Reads alarms; None reads none.
    """

    def __init__(
        self,
        launcher: Launcher,
        clock: Clock,
        faults: Faults,
        on_change: Callable[[Endpoint], None],
        tripped_alarms: TrippedAlarms | None = None,
    ) -> None:
        self._launcher = launcher
        self._clock = clock
        self._faults = faults
        self._on_change = on_change
        self._shifter = TrafficShifter(clock, on_change, tripped_alarms)

    def enter(self, endpoint: Endpoint, status: str, failure: str | None = None) -> None:
        """Set the endpoint's status and FailureReason."""
        endpoint.status, endpoint.failure = status, failure
        endpoint.modified = self._clock.now()
        self._on_change(endpoint)

    async def deploy(self, endpoint: Endpoint, rollout: Rollout, action: str) -> None:
        """Start `endpoint.pending` and make it the live deployment, or roll it back.

        Parameters
        ----------
        action
            CreateEndpoint or UpdateEndpoint, whose faults apply; empty for none.
        """
        green = endpoint.pending
        assert green is not None  # noqa: S101 - the caller has just set it
        try:
            await self._launch(endpoint, green, action, rollout.rolling)
            await self._shifter.shift(endpoint, rollout)
        except (CannotServe, DeploymentFailed) as error:
            await self._roll_back(endpoint, green, str(error))
            return
        blue, endpoint.live, endpoint.pending = endpoint.live, green, None
        endpoint.config_name = green.snapshot.name
        if blue:
            endpoint.retiring = list(blue.fleets.values())
            messages = {name: f"Terminating {n} instance(s)." for name, n in blue.running().items()}
            green.set_status("Deleting", messages, self._clock.now())
            self._on_change(endpoint)
            await asyncio.gather(*(fleet.retire() for fleet in endpoint.retiring))
            endpoint.retiring = []
        green.status = {}
        self.enter(endpoint, "InService")

    async def scale(
        self, endpoint: Endpoint, counts: Mapping[str, int], weights: Mapping[str, float]
    ) -> None:
        """Set counts and weights of live variants; on a failure, restore those of before."""
        live = endpoint.live
        assert live is not None  # noqa: S101 - only an endpoint that is InService is scaled
        old_counts = dict(live.counts)
        live.counts |= counts
        messages = {
            name: f"Scaling {'out' if count > old_counts[name] else 'in'} desired instance count "
            f"to {count}."
            for name, count in counts.items()
            if count != old_counts[name]
        }
        live.set_status("Updating", messages, self._clock.now())
        self._on_change(endpoint)
        try:
            self._apply_fault("UpdateEndpointWeightsAndCapacities", endpoint)
            await asyncio.gather(*(live.fleets[name].resize(counts[name]) for name in messages))
        except (CannotServe, DeploymentFailed) as error:
            live.counts, live.status = old_counts, {}
            self.enter(endpoint, "RollingBack", str(error))
            await asyncio.gather(*(live.fleets[name].resize(old_counts[name]) for name in messages))
            self.enter(endpoint, "InService", str(error))
            return
        live.weights |= weights
        live.status = {}
        self.enter(endpoint, "InService")

    def _apply_fault(self, action: str, endpoint: Endpoint) -> str | None:
        """Raise DeploymentFailed for a fault of this action; return `hang` for one that hangs."""
        fault = self._faults.take(action, endpoint.name)
        if fault is None:
            return None
        if fault.how in {"fail", "capacity"}:
            default = NO_CAPACITY if fault.how == "capacity" else "a fault was requested"
            raise DeploymentFailed(fault.reason or default)
        return fault.how

    async def _launch(
        self, endpoint: Endpoint, green: Deployment, action: str, rolling: bool
    ) -> None:
        """Make the new fleets and, unless the deployment is rolling, start their instances."""
        counts = green.counts
        messages = {name: f"Launching {count} instance(s)." for name, count in counts.items()}
        green.set_status("Creating", messages, self._clock.now())
        self._on_change(endpoint)
        if self._apply_fault(action, endpoint) == "hang":
            await self._hang(green)
        for name in counts:
            fleet = await self._launcher.make_fleet(endpoint.name, green.snapshot, name)
            green.fleets[name] = fleet
        if not rolling:
            fleets = green.fleets.items()
            await asyncio.gather(*(fleet.resize(counts[name]) for name, fleet in fleets))

    async def _hang(self, green: Deployment) -> None:
        """Fail after the startup timeout, as for a container that never answers a ping."""
        name, variant = next(iter(green.snapshot.variants().items()))
        member = "ContainerStartupHealthCheckTimeoutInSeconds"
        await self._clock.sleep(variant.get(member, 600))
        raise DeploymentFailed(
            f"The primary container for production variant {name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    async def _roll_back(self, endpoint: Endpoint, green: Deployment, reason: str) -> None:
        """Return to the live deployment; without one, the endpoint is Failed."""
        if endpoint.live:
            self.enter(endpoint, "RollingBack", reason)
        try:
            if endpoint.live and (fault := self._faults.take("RollBack", endpoint.name)):
                raise CannotServe(fault.reason or "a fault was requested")
            await roll_back_traffic(endpoint, green)
        except CannotServe as error:
            failure = f"{reason} The rollback failed: {error}"
            self.enter(endpoint, "UpdateRollbackFailed", failure)
            return
        endpoint.pending = None
        self.enter(endpoint, "InService" if endpoint.live else "Failed", reason)
