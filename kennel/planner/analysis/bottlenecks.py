"""What the planner says plainly: what binds first and by how much, and what does not."""

import math

from kennel.planner.engines import result as ends
from kennel.planner.engines.autoscaling import rule_of
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.engines.result import Result
from kennel.planner.inputs.settings import PARAMETERS, Settings

import numpy as np  # isort: skip

_PARAMETER = {held: name for name, held in PARAMETERS.items()}
_LIMITS = {
    ends.LIMITED: ("RateLimit and BurstLimit", "the usage plan's rate", "429"),
    ends.OVER_QUOTA: ("DailyQuota", "the day's quota", "429"),
    ends.NO_EXECUTION: ("ReservedConcurrency", "the executions reserved", "503"),
    ends.QUEUE_FULL: ("MaxInstances", "the endpoint's queues", "503"),
    ends.TIMED_OUT: ("MaxInstances", "the wait for the endpoint", "504"),
}


def most_instances(settings: Settings) -> tuple[int, float]:
    """Return how many instances all executions together can ask for, and a minute's invocations.

    With every execution busy without a pause, each makes an invocation every (work + service)
    seconds; target tracking then wants ceil(invocations / target) instances. A minute's count
    strays by chance: three standard deviations are allowed for.
    """
    held = settings.work.mean + settings.service.mean
    rate = min(settings.concurrency / held, settings.rate)
    if settings.metric == "concurrency":
        at_once = settings.concurrency * settings.service.mean / held
        return max(1, math.ceil(at_once / settings.target)), 60 * rate
    spread = math.hypot(
        settings.work.cv * settings.work.mean, settings.service.cv * settings.service.mean
    )
    minute = 60 * rate
    minute += 3 * math.sqrt(minute) * spread / held
    return max(1, math.ceil(minute / settings.target)), minute


def binding(result: Result) -> str | None:
    """Return the template parameter that turns most requests away, or None."""
    counts = result.endings.sum(axis=1)
    worst = max(_LIMITS, key=lambda ending: counts[ending])
    return _LIMITS[worst][0] if counts[worst] >= 0.5 else None  # noqa: PLR2004


def say(result: Result) -> list[str]:
    """Return the findings as sentences, the weightiest first."""
    settings = result.settings
    return [
        *_turned_away(result), *_reach(settings), *_plan_and_lambda(settings), *_scaling(result),
        *_alone(settings), *_cold(result), *result.notes,
    ]  # fmt: skip


def _turned_away(result: Result) -> list[str]:
    found: list[str] = []
    counts = result.endings.sum(axis=1)
    for ending in sorted(_LIMITS, key=lambda ending: -counts[ending]):
        if counts[ending] < 0.5:  # noqa: PLR2004  # not one request
            continue
        parameter, what, status = _LIMITS[ending]
        share = counts[ending] / result.requests
        first = "What binds first" if not found else "Then"
        found.append(
            f"{first}: {what} ({parameter}), which costs {_percent(share)} of all requests "
            f"({counts[ending]:,.0f}, status {status})."
        )
        if ending == ends.NO_EXECUTION:
            found += _held(result)
    return found or ["Nothing binds: every request of this traffic is answered."]


def _held(result: Result) -> list[str]:
    """Say whether executions lack because the endpoint holds them."""
    lost = result.endings[ends.NO_EXECUTION]
    inside = float((result.executions * lost).sum())
    waiting = float((result.waiting * lost).sum())
    if waiting < inside / 3:
        return []
    return [
        f"The endpoint is why: while requests are turned away, {_percent(waiting / inside)} of the "
        "executions only wait for an instance. More instances help, more executions would wait too."
    ]


def _reach(settings: Settings) -> list[str]:
    reach, minute = most_instances(settings)
    if reach >= settings.maximum:
        return []
    who = f"{settings.concurrency} concurrent executions"
    if settings.rate * (settings.work.mean + settings.service.mean) < settings.concurrency:
        who = f"{settings.rate:g} requests a second"
    return [
        f"With these service times, {who} can never push the endpoint past "
        f"{reach} instance{'s' * (reach > 1)}: they make {minute:,.0f} invocations a minute at "
        f"most, and the target is {settings.target:g} "
        f"{'for each' if settings.metric == 'invocations' else 'at once for each'}. "
        f"MaxInstances={settings.maximum} is never reached."
    ]


def _plan_and_lambda(settings: Settings) -> list[str]:
    held = settings.work.mean + settings.service.mean
    load = settings.rate * held
    lost = float(erlang_b(np.array(float(settings.concurrency)), np.array(load)))
    fits = settings.concurrency / held
    if settings.rate > fits:
        return [
            f"RateLimit={settings.rate:g} lets more through than {settings.concurrency} executions "
            f"of {1000 * held:.0f} ms can take ({fits:.0f} a second): clients then meet 503 where "
            "429 would have told them sooner."
        ]
    if lost > 0.05:  # noqa: PLR2004
        return [
            f"At RateLimit={settings.rate:g} steady random traffic would lose up to "
            f"{_percent(lost)} at {settings.concurrency} executions, though the mean fits: "
            "requests do not come evenly."
        ]
    return []


def _scaling(result: Result) -> list[str]:
    settings, why = result.settings, result.scaling
    rule = rule_of(settings)
    alarm = rule.out_points * rule.period
    if not any(why.get(each) for each in ("out", "changing", "cooldown", "maximum")):
        return []
    start = settings.start.quantile(0.5)
    found = []
    if why.get("out"):
        found.append(
            f"A new instance answers about {(alarm + start) / 60:.0f} minutes after traffic rises: "
            f"{alarm:g} s of alarm ({rule.out_points} points of {rule.period} s), then "
            f"{start:.0f} s to start."
        )
        if settings.out_cooldown < start + rule.period and not why.get("cooldown"):
            found.append(
                f"The cooldown of {settings.out_cooldown:g} s is not what binds: the alarm's "
                "period and the instance's start are."
            )
    if why.get("cooldown"):
        found.append(f"A cooldown held scaling back {why['cooldown']} times.")
    if why.get("maximum"):
        minutes = why["maximum"] * rule.period / 60
        found.append(
            f"For {minutes:.0f} minutes the policy wanted more than "
            f"MaxInstances={settings.maximum}."
        )
    return found


def _alone(settings: Settings) -> list[str]:
    if settings.minimum > 1:
        return []
    return [
        "One instance appears to stand outside SageMaker's SLA, and has no canary when it is "
        "updated: MinInstances=2 is what both need."
    ]


def _cold(result: Result) -> list[str]:
    if result.cold_starts < 1 or result.invocations < 1:
        return []
    share = result.cold_starts / result.invocations
    return [
        f"{_percent(share)} of executions start cold ({result.cold_starts:.0f}), each "
        f"{result.settings.cold_start.mean:.1f} s slower."
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"  # noqa: PLR2004
