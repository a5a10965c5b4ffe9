"""Findings about a result: which limits turn requests away, and which are never reached."""

import math

import numpy as np

from kennel.planner.analysis import costs
from kennel.planner.engines import result as outcome
from kennel.planner.engines.autoscaling import policy_from_settings
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.engines.result import Result
from kennel.planner.formats import percent
from kennel.planner.inputs.settings import PlanSettings

#: Outcome -> the template's parameter, its limit in words, and the HTTP status.
_LIMITS = {
    outcome.LIMITED: ("RateLimit and BurstLimit", "the usage plan's rate", "429"),
    outcome.OVER_QUOTA: ("DailyQuota", "the daily quota", "429"),
    outcome.NO_EXECUTION: ("ReservedConcurrency", "the reserved concurrency", "503"),
    outcome.QUEUE_FULL: ("MaxInstances", "the endpoint's queues", "503"),
    outcome.TIMED_OUT: ("MaxInstances", "the wait for the endpoint", "504"),
}
_ONE_REQUEST = 0.5  # counts are means: less is not one request
_NOTED_LOSS = 0.05  # share lost to random arrivals from which it is a finding


def max_instances(settings: PlanSettings) -> tuple[int, float]:
    """Return the most instances that scaling can ask for, and the invocations a minute for it.

    With every execution busy without a pause, each makes an invocation every (work + service)
    seconds; target tracking then asks for ceil(invocations / target) instances. Three standard
    deviations are added to a minute's mean count.
    """
    execution_time = settings.work.mean + settings.service.mean
    rate = min(settings.concurrency / execution_time, settings.rate)
    if settings.metric == "concurrency":
        at_endpoint = settings.concurrency * settings.service.mean / execution_time
        return max(1, math.ceil(at_endpoint / settings.target)), 60 * rate
    deviation = math.hypot(
        settings.work.cv * settings.work.mean, settings.service.cv * settings.service.mean
    )
    invocations = 60 * rate
    invocations += 3 * math.sqrt(invocations) * deviation / execution_time
    return max(1, math.ceil(invocations / settings.target)), invocations


def bottleneck(result: Result) -> str | None:
    """Return the template parameter that turns away most requests, or None."""
    counts = result.outcomes.sum(axis=1)
    worst = max(_LIMITS, key=lambda limit: counts[limit])
    return _LIMITS[worst][0] if counts[worst] >= _ONE_REQUEST else None


def findings(result: Result) -> list[str]:
    """Return the findings as sentences, the most important first."""
    settings = result.settings
    return [
        *_requests_turned_away(result),
        *_quota_of_a_day(result),
        *_instances_never_reached(settings),
        *_rate_limit_beyond_concurrency(settings),
        *_scaling_delay(result),
        *_single_instance(settings),
        *_cold_starts(result),
        *result.notes,
    ]


def _requests_turned_away(result: Result) -> list[str]:
    sentences: list[str] = []
    counts = result.outcomes.sum(axis=1)
    for limit in sorted(_LIMITS, key=lambda limit: -counts[limit]):
        if counts[limit] < _ONE_REQUEST:
            continue
        parameter, words, status = _LIMITS[limit]
        label = "The tightest limit" if not sentences else "Next"
        verb = "times out" if limit == outcome.TIMED_OUT else "turns away"
        sentences.append(
            f"{label}: {words} ({parameter}) {verb} "
            f"{percent(counts[limit] / result.requests)} of all requests "
            f"({counts[limit]:,.0f}, status {status})."
        )
        if limit == outcome.NO_EXECUTION:
            sentences += _executions_waiting(result)
    return sentences or ["No limit is reached: every request of this traffic is answered."]


def _quota_of_a_day(result: Result) -> list[str]:
    """Return a sentence where a month, in which the profile is repeated, meets the daily quota."""
    month = costs.month(result)
    if month.admitted_repeats > month.repeats * 0.999:
        return []
    return [
        f"A month repeats this traffic {month.repeats:,.0f} times, but the daily quota "
        f"(DailyQuota) admits {result.settings.quota:,} requests a day: the month answers "
        f"{percent(month.answered)} of its requests."
    ]


def _executions_waiting(result: Result) -> list[str]:
    """Return a sentence where executions are missing because they wait for the endpoint."""
    refused = result.outcomes[outcome.NO_EXECUTION]
    executions = float((result.executions * refused).sum())
    waiting = float((result.waiting * refused).sum())
    if waiting < executions / 3:
        return []
    return [
        f"The cause is the endpoint: while requests are turned away, "
        f"{percent(waiting / executions)} of the executions only wait for an instance. More "
        "instances help; more executions would wait too."
    ]


def _instances_never_reached(settings: PlanSettings) -> list[str]:
    instances, invocations = max_instances(settings)
    if instances >= settings.maximum:
        return []
    source = f"{settings.concurrency} concurrent executions"
    if settings.rate * (settings.work.mean + settings.service.mean) < settings.concurrency:
        source = f"{settings.rate:g} requests a second"
    return [
        f"With these service times, {source} never scale the endpoint beyond "
        f"{instances} instance{'s' * (instances > 1)}: they make at most {invocations:,.0f} "
        f"invocations a minute, and the target is {settings.target:g} "
        f"{'for each' if settings.metric == 'invocations' else 'at once for each'}. "
        f"MaxInstances={settings.maximum} is never reached."
    ]


def _rate_limit_beyond_concurrency(settings: PlanSettings) -> list[str]:
    execution_time = settings.work.mean + settings.service.mean
    load = settings.rate * execution_time
    blocking = float(erlang_b(np.array(float(settings.concurrency)), np.array(load)))
    capacity = settings.concurrency / execution_time
    if settings.rate > capacity:
        return [
            f"RateLimit={settings.rate:g} admits more than {settings.concurrency} executions "
            f"of {1000 * execution_time:.0f} ms can serve ({capacity:.0f} a second): clients then "
            "get 503 from Lambda instead of 429 from the usage plan."
        ]
    if blocking > _NOTED_LOSS:
        return [
            f"At RateLimit={settings.rate:g}, {settings.concurrency} executions turn away up to "
            f"{percent(blocking)} of steady random traffic, although its mean fits: requests do "
            "not arrive evenly."
        ]
    return []


def _scaling_delay(result: Result) -> list[str]:
    settings, reasons = result.settings, result.scaling
    policy = policy_from_settings(settings)
    alarm = policy.out_datapoints * policy.period
    if not any(reasons.get(reason) for reason in ("out", "updating", "cooldown", "maximum")):
        return []
    start = settings.start.quantile(0.5)
    sentences = []
    if reasons.get("out"):
        sentences.append(
            f"A new instance answers about {(alarm + start) / 60:.0f} minutes after traffic rises: "
            f"{alarm:g} s of alarm ({policy.out_datapoints} datapoints of {policy.period} s), then "
            f"{start:.0f} s to start."
        )
        if settings.out_cooldown < start + policy.period and not reasons.get("cooldown"):
            sentences.append(
                f"The cooldown of {settings.out_cooldown:g} s does not delay scaling: the alarm's "
                "period and the instance's start do."
            )
    if reasons.get("cooldown"):
        sentences.append(f"A cooldown delayed scaling {reasons['cooldown']} times.")
    if reasons.get("maximum"):
        minutes = reasons["maximum"] * policy.period / 60
        sentences.append(
            f"For {minutes:.0f} minutes the policy asked for more than "
            f"MaxInstances={settings.maximum}."
        )
    return sentences


def _single_instance(settings: PlanSettings) -> list[str]:
    if settings.minimum > 1:
        return []
    return [
        "A single instance appears to be outside SageMaker's SLA, and is updated without a "
        "canary: MinInstances=2 changes both."
    ]


def _cold_starts(result: Result) -> list[str]:
    if result.cold_starts < 1 or result.invocations < 1:
        return []
    share = result.cold_starts / result.invocations
    return [
        f"{percent(share)} of executions start cold ({result.cold_starts:.0f}), each "
        f"{result.settings.cold_start.mean:.1f} s slower."
    ]
