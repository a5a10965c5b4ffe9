"""Shift traffic from the old fleet to the new one in steps, and watch alarms after each step.

A blue/green deployment has the whole new fleet up before the first step. A rolling deployment
starts the instances of a step with that step, and ends as many old ones after the bake.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.deployment import Deployment
from kennel.cloud.sagemaker.endpoints.deployment_config import Rollout
from kennel.cloud.sagemaker.endpoints.endpoint import Endpoint

#: Offline seconds between two checks of the alarms during a bake.
ALARM_CHECK_SECONDS = 10.0

#: (alarm names, Unix seconds) -> those that were in ALARM at any time since.
TrippedAlarms = Callable[[Sequence[str], float], Awaitable[Sequence[str]]]


class DeploymentFailed(Exception):  # noqa: N818
    """The deployment must be rolled back; the message is the endpoint's FailureReason."""


class TrafficShifter:
    """Carry out the steps of a rollout.

    Parameters
    ----------
    on_change
        Called whenever DescribeEndpoint has another answer.
    tripped_alarms
        Reads alarms; None reads none.
    """

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[Endpoint], None],
        tripped_alarms: TrippedAlarms | None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._tripped_alarms = tripped_alarms

    async def shift(self, endpoint: Endpoint, rollout: Rollout) -> None:
        """Give `endpoint.pending` all traffic, within the rollout's limit.

        The limit runs from here, when a blue/green fleet is up: processes start in real seconds,
        which a fast clock must not count.

        Raises
        ------
        DeploymentFailed
            When an alarm trips or the limit is over.
        CannotServe
            When an instance of a rolling deployment does not start.
        """
        if rollout.limit is None:
            return await self._run_steps(endpoint, rollout)
        try:
            await self._clock.wait_for(self._run_steps(endpoint, rollout), rollout.limit)
        except TimeoutError as error:
            raise DeploymentFailed(
                f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({rollout.limit:.0f}) "
                "and was rolled back."
            ) from error
        return None

    async def _run_steps(self, endpoint: Endpoint, rollout: Rollout) -> None:
        green = endpoint.pending
        assert green is not None  # noqa: S101 - the caller has set it
        started = self._clock.now()
        total = sum(green.counts.values())
        for number, step in enumerate(rollout.steps, 1):
            is_last = number == len(rollout.steps)
            if rollout.rolling:
                await self._launch(endpoint, green, step)
            kind = "full" if is_last else "canary" if rollout.kind == "CANARY" else "partial"
            capacity = {name: f"{kind} capacity of {n} instance(s)" for name, n in step.items()}
            self._set_status(
                endpoint, green, "ActivatingTraffic", "Activating traffic on", capacity
            )
            for name, fleet in green.fleets.items():
                fleet.active = None if is_last else step[name]
            split_traffic(endpoint, green, 1.0 if is_last else sum(step.values()) / total)
            seconds = rollout.final_wait if is_last else rollout.wait
            member = "TerminationWaitInSeconds" if is_last else "WaitIntervalInSeconds"
            message = f"Baking for {seconds:.0f} seconds ({member}) with traffic enabled on"
            self._set_status(endpoint, green, "Baking", message, capacity)
            await self._bake(seconds, rollout.alarms, started)
            if rollout.rolling and endpoint.live and not is_last:
                blue = endpoint.live
                await _resize(
                    blue, {name: max(n - step.get(name, 0), 1) for name, n in blue.counts.items()}
                )

    async def _launch(self, endpoint: Endpoint, green: Deployment, step: Mapping[str, int]) -> None:
        new = {name: f"{n - green.running()[name]} instance(s)" for name, n in step.items()}
        self._set_status(endpoint, green, "Creating", "Launching", new)
        await _resize(green, step)

    def _set_status(
        self,
        endpoint: Endpoint,
        green: Deployment,
        status: str,
        prefix: str,
        suffixes: Mapping[str, str],
    ) -> None:
        messages = {name: f"{prefix} {suffix}." for name, suffix in suffixes.items()}
        green.set_status(status, messages, self._clock.now())
        self._on_change(endpoint)

    async def _bake(self, seconds: float, alarms: Sequence[str], since: float) -> None:
        end = self._clock.now() + seconds
        while True:
            if (
                alarms
                and self._tripped_alarms
                and (names := await self._tripped_alarms(alarms, since))
            ):
                raise DeploymentFailed(
                    "The deployment was rolled back because the following alarm(s) are in ALARM "
                    f"state: [{', '.join(names)}]."
                )
            if (remaining := end - self._clock.now()) <= 0:
                return
            await self._clock.sleep(min(remaining, ALARM_CHECK_SECONDS))


async def _resize(deployment: Deployment, counts: Mapping[str, int]) -> None:
    fleets = deployment.fleets
    await asyncio.gather(*(fleets[name].resize(count) for name, count in counts.items()))


async def roll_back_traffic(endpoint: Endpoint, green: Deployment) -> None:
    """Send all traffic to the old fleet, at its full size, and end the new one.

    Raises
    ------
    CannotServe
        When the old fleet does not start again; the traffic is then unchanged.
    """
    if endpoint.live:
        await _resize(endpoint.live, endpoint.live.counts)
        split_traffic(endpoint, green, 0.0)
    await asyncio.gather(*(fleet.retire() for fleet in green.fleets.values()))


def split_traffic(endpoint: Endpoint, green: Deployment, share: float) -> None:
    """Give the new fleet `share` of the traffic, 0 to 1, and the old one the rest."""
    green.share = share
    if endpoint.live:
        endpoint.live.share = 1.0 - share
