"""What happens behind CreateEndpoint, UpdateEndpoint and a change of weights or capacity.

States as the service shows them: Creating or Updating, then InService; a change that fails is
rolled back (RollingBack) to what served before, with the reason in FailureReason; a first
deployment that fails leaves the endpoint Failed. How traffic shifts is `shifting`'s.
"""

import asyncio
from collections.abc import Callable, Mapping

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout
from kennel.cloud.sagemaker.endpoints.endpoint import Deployment, Endpoint
from kennel.cloud.sagemaker.endpoints.instance import CannotServe
from kennel.cloud.sagemaker.endpoints.launcher import Launcher
from kennel.cloud.sagemaker.endpoints.traffic import RolledBack, Shifting, Tripped, bring_back

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time. Consider configuring "
    "InstancePools in your EndpointConfig with multiple instance types for priority-based "
    "fallback to improve capacity availability."
)


class Changes:
    """Carries changes out.

    Parameters
    ----------
    changed
        Called whenever an endpoint's state is another, so that it is kept and announced.
    tripped
        Reads alarms; without it none ever trips.
    """

    def __init__(
        self,
        launcher: Launcher,
        clock: Clock,
        faults: Faults,
        changed: Callable[[Endpoint], None],
        tripped: Tripped | None = None,
    ) -> None:
        self._launcher = launcher
        self._clock = clock
        self._faults = faults
        self._changed = changed
        self._shifting = Shifting(clock, changed, tripped)

    def become(self, endpoint: Endpoint, status: str, failure: str | None = None) -> None:
        """Enter a state."""
        endpoint.status, endpoint.failure = status, failure
        endpoint.modified = self._clock.now()
        self._changed(endpoint)

    async def deploy(self, endpoint: Endpoint, rollout: Rollout, action: str) -> None:
        """Bring `endpoint.pending` up and let it take over, or take it away again.

        Parameters
        ----------
        action
            CreateEndpoint or UpdateEndpoint: whose faults it meets.
        """
        green = endpoint.pending
        assert green is not None  # noqa: S101 - who calls has just set it
        try:
            await self._launch(endpoint, green, action, rollout.rolling)
            await self._shifting.shift(endpoint, rollout)
        except (CannotServe, RolledBack) as error:
            await self._roll_back(endpoint, green, str(error))
            return
        blue, endpoint.live, endpoint.pending = endpoint.live, green, None
        endpoint.config_name = green.plan.name
        if blue:
            endpoint.leaving = list(blue.fleets.values())
            told = {name: f"Terminating {n} instance(s)." for name, n in blue.running().items()}
            green.tell("Deleting", told, self._clock.now())
            self._changed(endpoint)
            await asyncio.gather(*(fleet.retire() for fleet in endpoint.leaving))
            endpoint.leaving = []
        green.status = {}
        self.become(endpoint, "InService")

    async def scale(
        self, endpoint: Endpoint, counts: Mapping[str, int], weights: Mapping[str, float]
    ) -> None:
        """Give variants of the live deployment other counts and weights, or leave all as it was."""
        live = endpoint.live
        assert live is not None  # noqa: S101 - only an endpoint that is InService is scaled
        before = dict(live.counts)
        live.counts |= counts
        way = {True: "out", False: "in"}
        told = {
            name: f"Scaling {way[count > before[name]]} desired instance count to {count}."
            for name, count in counts.items()
            if count != before[name]
        }
        live.tell("Updating", told, self._clock.now())
        self._changed(endpoint)
        try:
            self._meet("UpdateEndpointWeightsAndCapacities", endpoint)
            await asyncio.gather(*(live.fleets[name].resize(counts[name]) for name in told))
        except (CannotServe, RolledBack) as error:
            live.counts, live.status = before, {}
            self.become(endpoint, "RollingBack", str(error))
            await asyncio.gather(*(live.fleets[name].resize(before[name]) for name in told))
            self.become(endpoint, "InService", str(error))
            return
        live.weights |= weights
        live.status = {}
        self.become(endpoint, "InService")

    def _meet(self, action: str, endpoint: Endpoint) -> str | None:
        """Meet a fault that waits for this action; return how, when it is a hang."""
        fault = self._faults.take(action, endpoint.name)
        if fault is None:
            return None
        if fault.how in {"fail", "capacity"}:
            default = NO_CAPACITY if fault.how == "capacity" else "a fault was asked for"
            raise RolledBack(fault.reason or default)
        return fault.how

    async def _launch(
        self, endpoint: Endpoint, green: Deployment, action: str, rolling: bool
    ) -> None:
        """Start the new fleet; for a rolling deployment, only say what it is made of."""
        counts = green.counts
        told = {name: f"Launching {count} instance(s)." for name, count in counts.items()}
        green.tell("Creating", told, self._clock.now())
        self._changed(endpoint)
        if self._meet(action, endpoint) == "hang":
            await self._hang(green)
        for name in counts:
            green.fleets[name] = await self._launcher.fleet(endpoint.name, green.plan, name)
        if not rolling:
            fleets = green.fleets.items()
            await asyncio.gather(*(fleet.resize(counts[name]) for name, fleet in fleets))

    async def _hang(self, green: Deployment) -> None:
        """Wait as for a container that never answers a ping."""
        name, variant = next(iter(green.plan.variants().items()))
        setting = "ContainerStartupHealthCheckTimeoutInSeconds"
        await self._clock.sleep(variant.get(setting, 600))
        raise RolledBack(
            f"The primary container for production variant {name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    async def _roll_back(self, endpoint: Endpoint, green: Deployment, reason: str) -> None:
        """Send all traffic back, then end the new fleet; a first deployment has nothing to keep."""
        if endpoint.live:
            self.become(endpoint, "RollingBack", reason)
        try:
            if endpoint.live and (fault := self._faults.take("RollBack", endpoint.name)):
                raise CannotServe(fault.reason or "a fault was asked for")
            await bring_back(endpoint, green)
        except CannotServe as error:
            failure = f"{reason} The rollback failed: {error}"
            self.become(endpoint, "UpdateRollbackFailed", failure)
            return
        endpoint.pending = None
        self.become(endpoint, "InService" if endpoint.live else "Failed", reason)
