"""What happens behind CreateEndpoint, UpdateEndpoint and a change of weights or capacity.

States as the service shows them: Creating or Updating, then InService; a change that fails is
rolled back (RollingBack) to what served before, with the reason in FailureReason; a first
deployment that fails leaves the endpoint Failed. The new fleet takes traffic step by step, as
`guardrails` says, and each step bakes while the alarms are looked at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kennel.cloud.clock import Clock
from kennel.cloud.faults import Faults
from kennel.cloud.sagemaker.endpoint import Deployment, Endpoint
from kennel.cloud.sagemaker.guardrails import Rollout
from kennel.cloud.sagemaker.launching import Launcher
from kennel.cloud.sagemaker.serving import CannotServe

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time. Consider configuring "
    "InstancePools in your EndpointConfig with multiple instance types for priority-based "
    "fallback to improve capacity availability."
)
#: Offline seconds between two looks at the alarms of a deployment that bakes.
LOOK_SECONDS = 10.0

#: Which of these alarms were in ALARM at any time since (Unix seconds).
Tripped = Callable[[Sequence[str], float], Awaitable[Sequence[str]]]


class RolledBack(Exception):  # noqa: N818
    """The deployment must not go on; the message is the endpoint's FailureReason."""


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
        self._tripped = tripped

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
            await self._launch(endpoint, green, action)
            await self._shift_in_time(endpoint, green, rollout)
        except (CannotServe, RolledBack) as error:
            await self._roll_back(endpoint, green, str(error))
            return
        blue, endpoint.live, endpoint.pending = endpoint.live, green, None
        endpoint.config_name = green.plan.name
        green.status = {}
        if blue:
            self._changed(endpoint)
            await asyncio.gather(*(fleet.retire() for fleet in blue.fleets.values()))
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

    async def _launch(self, endpoint: Endpoint, green: Deployment, action: str) -> None:
        counts = green.counts
        told = {name: f"Launching {count} instance(s)." for name, count in counts.items()}
        green.tell("Creating", told, self._clock.now())
        self._changed(endpoint)
        if self._meet(action, endpoint) == "hang":
            await self._hang(green)
        for name in counts:
            green.fleets[name] = await self._launcher.fleet(endpoint.name, green.plan, name)
        await asyncio.gather(*(fleet.resize(counts[name]) for name, fleet in green.fleets.items()))

    async def _hang(self, green: Deployment) -> None:
        """Wait as for a container that never answers a ping."""
        name, variant = next(iter(green.plan.variants().items()))
        setting = "ContainerStartupHealthCheckTimeoutInSeconds"
        await self._clock.sleep(variant.get(setting, 600))
        raise RolledBack(
            f"The primary container for production variant {name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    async def _shift_in_time(self, endpoint: Endpoint, green: Deployment, rollout: Rollout) -> None:
        """Shift traffic within the limit, which runs from here: starting takes real seconds."""
        shifting = self._shift(endpoint, green, rollout)
        if rollout.limit is None:
            return await shifting
        try:
            await self._clock.wait_for(shifting, rollout.limit)
        except TimeoutError as error:
            raise RolledBack(
                f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({rollout.limit:.0f}) "
                "and was rolled back."
            ) from error
        return None

    async def _shift(self, endpoint: Endpoint, green: Deployment, rollout: Rollout) -> None:
        since = self._clock.now()
        total = sum(green.counts.values())
        for number, step in enumerate(rollout.steps, 1):
            last = number == len(rollout.steps)
            kind = "full" if last else "canary" if rollout.kind == "CANARY" else "partial"
            capacity = {name: f"{kind} capacity of {n} instance(s)" for name, n in step.items()}
            told = {name: f"Activating traffic on {text}." for name, text in capacity.items()}
            green.tell("ActivatingTraffic", told, self._clock.now())
            self._share(endpoint, green, 1.0 if last else sum(step.values()) / max(total, 1))
            for name, fleet in green.fleets.items():
                fleet.active = None if last else step[name]
            self._changed(endpoint)
            seconds = rollout.final_wait if last else rollout.wait
            setting = "TerminationWaitInSeconds" if last else "WaitIntervalInSeconds"
            baking = f"Baking for {seconds:.0f} seconds ({setting}) with traffic enabled on"
            told = {name: f"{baking} {text}." for name, text in capacity.items()}
            green.tell("Baking", told, self._clock.now())
            self._changed(endpoint)
            await self._bake(seconds, rollout.alarms, since)

    async def _bake(self, seconds: float, alarms: Sequence[str], since: float) -> None:
        end = self._clock.now() + seconds
        while True:
            if alarms and self._tripped and (names := await self._tripped(alarms, since)):
                raise RolledBack(
                    "The deployment was rolled back because the following alarm(s) are in ALARM "
                    f"state: [{', '.join(names)}]."
                )
            if (left := end - self._clock.now()) <= 0:
                return
            await self._clock.sleep(min(left, LOOK_SECONDS))

    async def _roll_back(self, endpoint: Endpoint, green: Deployment, reason: str) -> None:
        """Send all traffic back, then end the new fleet; a first deployment has nothing to keep."""
        if endpoint.live:
            self.become(endpoint, "RollingBack", reason)
            if fault := self._faults.take("RollBack", endpoint.name):
                failure = fault.reason or f"{reason} The rollback failed."
                self.become(endpoint, "UpdateRollbackFailed", failure)
                return
            self._share(endpoint, green, 0.0)
        await asyncio.gather(*(fleet.stop() for fleet in green.fleets.values()))
        endpoint.pending = None
        self.become(endpoint, "InService" if endpoint.live else "Failed", reason)

    def _share(self, endpoint: Endpoint, green: Deployment, share: float) -> None:
        green.share = share
        if endpoint.live:
            endpoint.live.share = 1.0 - share
