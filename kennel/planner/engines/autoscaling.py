"""Target tracking as Application Auto Scaling and CloudWatch do it: one rule, for both engines.

Sources: "Target tracking scaling policies" in the Application Auto Scaling user guide for cooldowns
and missing data, and for scaling out "proportionally to the metric as fast as it can", but in "more
gradually"; "Alarm evaluation" in CloudWatch's for points of a period; the alarms it makes
for SageMaker, 3 of 3 points above the target and 15 of 15 below 0.9 of it, are what it was seen to
create.

Where AWS says nothing, this is assumed: "gradually" is an instance at a time; the newest point is
what capacity is computed from; an endpoint that is Updating takes no further change; a cooldown
begins when a change is through.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.inputs.settings import BIN_S, MINUTE, Settings

IN_SHARE = 0.9  # of the target, below which capacity may go


@dataclass(frozen=True)
class Rule:
    """A scaling policy and the two alarms that it makes.

    Attributes
    ----------
    target
        What the metric shall be.
    out_cooldown, in_cooldown, period
        Seconds.
    out_points, in_points
        Consecutive points, one a period, that must breach.
    """

    target: float
    minimum: int
    maximum: int
    out_cooldown: float = 30.0
    in_cooldown: float = 30.0
    period: int = MINUTE
    out_points: int = 3
    in_points: int = 15


@dataclass(frozen=True)
class Moment:
    """What is known when the alarms are looked at.

    Attributes
    ----------
    now
        Seconds.
    capacity
        Instances in service.
    points
        The metric, newest last; None where no datum came (nobody called).
    changing
        Whether an earlier change is still under way.
    last_out, last_in
        When the last scale-out and scale-in were through.
    base
        Instances before the last scale-out. Within its cooldown what it added counts as part of
        what the next one wants.
    """

    now: float
    capacity: int
    points: Sequence[float | None]
    changing: bool = False
    last_out: float = -math.inf
    last_in: float = -math.inf
    base: int = 1


@dataclass(frozen=True)
class Decision:
    """The capacity to have, and why: "out", "in", or what held it back, or "" for calm."""

    capacity: int
    why: str = ""


def decide(rule: Rule, moment: Moment) -> Decision:
    """Say which capacity the policy asks for at this moment; a pure function."""
    current = moment.capacity
    newest = moment.points[-1] if moment.points else None
    if newest is None:
        return Decision(current)  # a missing datum breaches neither alarm
    wanted = math.ceil(current * newest / rule.target - 1e-9)
    if _all(moment.points, rule.out_points, lambda point: point > rule.target):
        wanted = min(max(wanted, current + 1), rule.maximum)
        if wanted <= current:
            return Decision(current, "maximum")
        if moment.changing:
            return Decision(current, "changing")
        if moment.now < moment.last_out + rule.out_cooldown:
            further = math.ceil(moment.base * newest / rule.target - 1e-9)
            wanted = min(further, rule.maximum)
            if wanted <= current:
                return Decision(current, "cooldown")
        return Decision(wanted, "out")
    if _all(moment.points, rule.in_points, lambda point: point < IN_SHARE * rule.target):
        wanted = max(wanted, current - 1, rule.minimum)
        if wanted >= current:
            return Decision(current)
        if moment.changing:
            return Decision(current, "changing")
        if moment.now < moment.last_in + rule.in_cooldown:
            return Decision(current, "cooldown")
        return Decision(wanted, "in")
    return Decision(current)


def rule_of(settings: Settings) -> Rule:
    """Return the rule that a template's settings make."""
    by_ten_seconds = settings.metric == "concurrency"
    return Rule(
        target=settings.target,
        minimum=settings.minimum,
        maximum=settings.maximum,
        out_cooldown=settings.out_cooldown,
        in_cooldown=settings.in_cooldown,
        period=BIN_S if by_ten_seconds else MINUTE,
        in_points=90 if by_ten_seconds else 15,  # a quarter of an hour either way
    )


class Fleet:
    """The instances over time: the rule applied, and the minutes until a new one answers.

    Both engines make one with the same seed, so that its instances take equally long to come.
    """

    def __init__(self, settings: Settings, seed: int) -> None:
        self.rule = rule_of(settings)
        self.in_service = settings.minimum
        self.paid = settings.minimum  # an instance costs from when it is asked for
        self.ready_at = math.inf
        self.why: dict[str, int] = {}  # how often each answer was given
        self._start = settings.start
        self._random = np.random.default_rng([seed, 1])
        self._points: deque[float | None] = deque(maxlen=self.rule.in_points)
        self._last_out = self._last_in = -math.inf
        self._base = settings.minimum

    def settle(self, now: float) -> int:
        """Return how many instances are in service at `now`."""
        if now >= self.ready_at:
            self.in_service, self._last_out = self.paid, self.ready_at
            self.ready_at = math.inf
        return self.in_service

    def observe(self, now: float, metric: float | None) -> Decision:
        """Take in one period's datum and do what the rule says."""
        self._points.append(metric)
        moment = Moment(
            now,
            self.settle(now),
            tuple(self._points),
            self.ready_at < math.inf,
            self._last_out,
            self._last_in,
            self._base,
        )
        found = decide(self.rule, moment)
        if found.why:
            self.why[found.why] = self.why.get(found.why, 0) + 1
        if found.why == "out":
            seconds = float(self._start.sample(self._random, 1)[0])
            self.paid, self._base = found.capacity, self.in_service
            self.ready_at = now + BIN_S * math.ceil(seconds / BIN_S)  # of whole steps
        elif found.why == "in":  # an instance that goes is gone at once
            self.paid = self.in_service = found.capacity
            self._last_in = now
        return found


def _all(points: Sequence[float | None], count: int, breaches: Callable[[float], bool]) -> bool:
    last = list(points)[-count:]
    return len(last) == count and all(p is not None and breaches(p) for p in last)
