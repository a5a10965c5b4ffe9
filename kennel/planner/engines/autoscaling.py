"""Target tracking as Application Auto Scaling and CloudWatch do it; both engines use it.

Sources: "Target tracking scaling policies" in the Application Auto Scaling user guide for cooldowns
and missing data, and for scaling out "proportionally to the metric as fast as it can", but in "more
gradually"; "Alarm evaluation" in the CloudWatch user guide for datapoints. The alarms that it
creates for SageMaker (3 of 3 datapoints above the target, 15 of 15 below 0.9 of it) were observed.

AWS does not document the rest, so this is assumed: "gradually" means one instance at a time; the
newest datapoint sets the capacity; an endpoint in status Updating takes no further change; a
cooldown starts when the change is complete.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.inputs.settings import BIN_S, MINUTE, PlanSettings

SCALE_IN_SHARE = 0.9  # of the target; the scale-in alarm's threshold


@dataclass(frozen=True)
class ScalingPolicy:
    """A target tracking policy and its two alarms.

    Attributes
    ----------
    target
        Target value of the metric.
    minimum, maximum
        Instances.
    out_cooldown, in_cooldown, period
        Seconds; `period` is that of the alarms.
    out_datapoints, in_datapoints
        Consecutive datapoints, one a period, that must breach.
    """

    target: float
    minimum: int
    maximum: int
    out_cooldown: float = 30.0
    in_cooldown: float = 30.0
    period: int = MINUTE
    out_datapoints: int = 3
    in_datapoints: int = 15


@dataclass(frozen=True)
class AlarmEvaluation:
    """The inputs of one evaluation of the alarms.

    Attributes
    ----------
    now
        Seconds.
    capacity
        Instances in service.
    datapoints
        The metric, newest last; None for a missing datapoint (no calls).
    updating
        Whether an earlier change is still in progress.
    last_out, last_in
        When the last scale-out and scale-in were complete.
    base
        Instances before the last scale-out. Within its cooldown, the instances it added count
        towards the next scale-out.
    """

    now: float
    capacity: int
    datapoints: Sequence[float | None]
    updating: bool = False
    last_out: float = -math.inf
    last_in: float = -math.inf
    base: int = 1


@dataclass(frozen=True)
class ScalingDecision:
    """The desired capacity and its reason.

    Attributes
    ----------
    capacity
        Instances.
    reason
        "out" or "in" for a change; "maximum", "updating" or "cooldown" for a change that was held
        back; "" where no alarm is in state ALARM.
    """

    capacity: int
    reason: str = ""


def decide(policy: ScalingPolicy, evaluation: AlarmEvaluation) -> ScalingDecision:
    """Return the policy's decision; a pure function."""
    current = evaluation.capacity
    newest = evaluation.datapoints[-1] if evaluation.datapoints else None
    if newest is None:
        return ScalingDecision(current)  # a missing datapoint breaches neither alarm
    desired = math.ceil(current * newest / policy.target - 1e-9)
    if _breached(evaluation.datapoints, policy.out_datapoints, lambda v: v > policy.target):
        desired = min(max(desired, current + 1), policy.maximum)
        if desired <= current:
            return ScalingDecision(current, "maximum")
        if evaluation.updating:
            return ScalingDecision(current, "updating")
        if evaluation.now < evaluation.last_out + policy.out_cooldown:
            from_base = math.ceil(evaluation.base * newest / policy.target - 1e-9)
            desired = min(from_base, policy.maximum)
            if desired <= current:
                return ScalingDecision(current, "cooldown")
        return ScalingDecision(desired, "out")
    low = SCALE_IN_SHARE * policy.target
    if _breached(evaluation.datapoints, policy.in_datapoints, lambda v: v < low):
        desired = max(desired, current - 1, policy.minimum)
        if desired >= current:
            return ScalingDecision(current)
        if evaluation.updating:
            return ScalingDecision(current, "updating")
        if evaluation.now < evaluation.last_in + policy.in_cooldown:
            return ScalingDecision(current, "cooldown")
        return ScalingDecision(desired, "in")
    return ScalingDecision(current)


def policy_from_settings(settings: PlanSettings) -> ScalingPolicy:
    """Return the scaling policy that the template's settings create."""
    high_resolution = settings.metric == "concurrency"
    return ScalingPolicy(
        target=settings.target,
        minimum=settings.minimum,
        maximum=settings.maximum,
        out_cooldown=settings.out_cooldown,
        in_cooldown=settings.in_cooldown,
        period=BIN_S if high_resolution else MINUTE,
        in_datapoints=90 if high_resolution else 15,  # a quarter of an hour for either metric
    )


class Fleet:
    """The endpoint's instances over time, scaled by the policy.

    Both engines make a fleet with the same seed, so that its instances take equally long to start.

    Attributes
    ----------
    in_service, paid
        Instances in service, and instances billed; an instance is billed from the scale-out on.
    ready_at
        When the instances that are starting come into service; infinite where there are none.
    reasons
        How often each decision was made, by reason.
    """

    def __init__(self, settings: PlanSettings, seed: int) -> None:
        self.policy = policy_from_settings(settings)
        self.in_service = settings.minimum
        self.paid = settings.minimum
        self.ready_at = math.inf
        self.reasons: dict[str, int] = {}
        self._start_time = settings.start
        self._random = np.random.default_rng([seed, 1])
        self._datapoints: deque[float | None] = deque(maxlen=self.policy.in_datapoints)
        self._last_out = self._last_in = -math.inf
        self._base = settings.minimum

    def instances_at(self, now: float) -> int:
        """Return the instances in service at `now`, which must not go back."""
        if now >= self.ready_at:
            self.in_service, self._last_out = self.paid, self.ready_at
            self.ready_at = math.inf
        return self.in_service

    def observe(self, now: float, metric: float | None) -> ScalingDecision:
        """Record the datapoint of a period and carry out the policy's decision."""
        self._datapoints.append(metric)
        evaluation = AlarmEvaluation(
            now,
            self.instances_at(now),
            tuple(self._datapoints),
            self.ready_at < math.inf,
            self._last_out,
            self._last_in,
            self._base,
        )
        decision = decide(self.policy, evaluation)
        if decision.reason:
            self.reasons[decision.reason] = self.reasons.get(decision.reason, 0) + 1
        if decision.reason == "out":
            seconds = float(self._start_time.sample(self._random, 1)[0])
            self.paid, self._base = decision.capacity, self.in_service
            self.ready_at = now + BIN_S * math.ceil(seconds / BIN_S)  # a bin has one fleet
        elif decision.reason == "in":  # takes effect at once
            self.paid = self.in_service = decision.capacity
            self._last_in = now
        return decision


def _breached(
    datapoints: Sequence[float | None], count: int, breaches: Callable[[float], bool]
) -> bool:
    """Return whether the last `count` datapoints are all present and breaching."""
    last = list(datapoints)[-count:]
    return len(last) == count and all(v is not None and breaches(v) for v in last)
