"""Traffic from the old fleet to the new one: step by step, each step baked under the alarms' eyes.

Blue/green has the whole new fleet up before the first step. A rolling deployment starts each
step's instances as it comes to it, and ends as many of the old ones once they have baked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout
from kennel.cloud.sagemaker.endpoints.endpoint import Deployment, Endpoint

#: Offline seconds between two looks at the alarms of a deployment that bakes.
LOOK_SECONDS = 10.0

#: Which of these alarms were in ALARM at any time since (Unix seconds).
Tripped = Callable[[Sequence[str], float], Awaitable[Sequence[str]]]


class RolledBack(Exception):  # noqa: N818
    """The deployment must not go on; the message is the endpoint's FailureReason."""


class Shifting:
    """Shifts traffic.

    Parameters
    ----------
    changed
        Called whenever what DescribeEndpoint says is another.
    tripped
        Reads alarms; without it none ever trips.
    """

    def __init__(
        self, clock: Clock, changed: Callable[[Endpoint], None], tripped: Tripped | None
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._tripped = tripped

    async def shift(self, endpoint: Endpoint, rollout: Rollout) -> None:
        """Give `endpoint.pending` all traffic, within the rollout's limit.

        The limit runs from here, when a blue/green fleet is up: starting takes real seconds, and
        a fast clock must not count them.

        Raises
        ------
        RolledBack
            When an alarm trips or the limit is over.
        CannotServe
            When an instance of a rolling deployment does not come up.
        """
        if rollout.limit is None:
            return await self._steps(endpoint, rollout)
        try:
            await self._clock.wait_for(self._steps(endpoint, rollout), rollout.limit)
        except TimeoutError as error:
            raise RolledBack(
                f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({rollout.limit:.0f}) "
                "and was rolled back."
            ) from error
        return None

    async def _steps(self, endpoint: Endpoint, rollout: Rollout) -> None:
        green = endpoint.pending
        assert green is not None  # noqa: S101 - it is what is deployed
        since = self._clock.now()
        total = sum(green.counts.values())
        for number, step in enumerate(rollout.steps, 1):
            last = number == len(rollout.steps)
            if rollout.rolling:
                await self._launch(endpoint, green, step)
            kind = "full" if last else "canary" if rollout.kind == "CANARY" else "partial"
            capacity = {name: f"{kind} capacity of {n} instance(s)" for name, n in step.items()}
            self._tell(endpoint, green, "ActivatingTraffic", "Activating traffic on", capacity)
            for name, fleet in green.fleets.items():
                fleet.active = None if last else step[name]
            share_out(endpoint, green, 1.0 if last else sum(step.values()) / total)
            seconds = rollout.final_wait if last else rollout.wait
            setting = "TerminationWaitInSeconds" if last else "WaitIntervalInSeconds"
            baking = f"Baking for {seconds:.0f} seconds ({setting}) with traffic enabled on"
            self._tell(endpoint, green, "Baking", baking, capacity)
            await self._bake(seconds, rollout.alarms, since)
            if rollout.rolling and endpoint.live and not last:
                blue = endpoint.live
                left = {name: max(n - step.get(name, 0), 1) for name, n in blue.counts.items()}
                await _resize(blue, left)

    async def _launch(self, endpoint: Endpoint, green: Deployment, step: Mapping[str, int]) -> None:
        new = {name: f"{n - green.running()[name]} instance(s)" for name, n in step.items()}
        self._tell(endpoint, green, "Creating", "Launching", new)
        await _resize(green, step)

    def _tell(
        self,
        endpoint: Endpoint,
        green: Deployment,
        status: str,
        begin: str,
        ends: Mapping[str, str],
    ) -> None:
        told = {name: f"{begin} {end}." for name, end in ends.items()}
        green.tell(status, told, self._clock.now())
        self._changed(endpoint)

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


async def _resize(deployment: Deployment, counts: Mapping[str, int]) -> None:
    fleets = deployment.fleets
    await asyncio.gather(*(fleets[name].resize(count) for name, count in counts.items()))


async def bring_back(endpoint: Endpoint, green: Deployment) -> None:
    """Send all traffic back to the old fleet, at its full strength, and end the new one.

    Raises
    ------
    CannotServe
        When the old fleet does not come up again; traffic is then as it was.
    """
    if endpoint.live:
        await _resize(endpoint.live, endpoint.live.counts)
        share_out(endpoint, green, 0.0)
    await asyncio.gather(*(fleet.retire() for fleet in green.fleets.values()))


def share_out(endpoint: Endpoint, green: Deployment, share: float) -> None:
    """Give the new fleet this part of the traffic, 0 to 1, and the old one the rest."""
    green.share = share
    if endpoint.live:
        endpoint.live.share = 1.0 - share
