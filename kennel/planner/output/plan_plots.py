"""Draw the time-series plots of the plan report."""

from collections.abc import Callable

import numpy as np

from kennel.planner.analysis import costs
from kennel.planner.analysis.capacity import ACCOUNT, limits
from kennel.planner.engines.result import (
    LIMITED,
    NO_EXECUTION,
    OVER_QUOTA,
    QUEUE_FULL,
    SLOT_S,
    TIMED_OUT,
    Result,
    quantiles,
)
from kennel.planner.formats import milliseconds, number
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.output.figures import TAIL_NAMES, TAILS
from kennel.planner.output.plots import Series, TimePlot, over_time

_HOUR = 3600


def plan_plots(result: Result, prices: Prices) -> list[TimePlot]:
    """Return the plots of a result; the one of requests turned away only where there are any."""
    seconds = result.profile.seconds
    rates = result.outcomes / BIN_S  # requests a second
    turned_away = rates[LIMITED : TIMED_OUT + 1]
    tails = [quantiles(result.histogram, share) for share in TAILS]
    hourly = costs.by_bin(result, prices) * _HOUR / BIN_S

    def plot(
        title: str, *series: Series, label: Callable[[float], str] = number, span: float = seconds
    ) -> TimePlot:
        return over_time(title, series, span, label)

    usage_plan = rates[LIMITED : OVER_QUOTA + 1].sum(axis=0)
    unavailable = rates[NO_EXECUTION : QUEUE_FULL + 1].sum(axis=0)
    plots = [
        plot(
            "Traffic and capacity, requests a second",
            Series("arrivals", rates.sum(axis=0), "accent", filled=True),
            Series(*capacity(result), "soft", peak=False),
        ),
        plot(
            "Turned away, requests a second",
            Series("usage plan (429)", usage_plan, "warn", filled=True),
            Series("executions and queues (503)", unavailable, "bad"),
            Series("timed out (504)", rates[TIMED_OUT], "soft"),
        ),
        plot(
            "Latency of answers",
            *(
                Series(name, tail, css_class)
                for name, tail, css_class in zip(
                    TAIL_NAMES, tails, ("good", "warn", "bad"), strict=True
                )
            ),
            label=milliseconds,
            span=len(result.histogram) * SLOT_S,
        ),
        plot(
            "Requests in progress",
            Series("executions", result.executions, "good"),
            Series("waiting at the endpoint", result.waiting, "bad"),
        ),
        plot(
            "Instances",
            Series("paid", result.paid.astype(float), "soft", steps=True),
            Series("in service", result.in_service.astype(float), "good", filled=True, steps=True),
        ),
        plot(
            "USD an hour",
            Series("all costs", hourly, "accent", filled=True, peak=False),
            label=lambda value: f"${value:.3g}",
        ),
    ]
    if not turned_away.any():
        del plots[1]
    return plots


def capacity(result: Result) -> tuple[str, Floats]:
    """Return the rate that the settings let through in each bin, and a name with what binds it."""
    settings, rates = result.settings, result.outcomes / BIN_S
    binds_always = {"RateLimit", "ReservedConcurrency", ACCOUNT}
    fixed = next(limit for limit in limits(settings) if limit.parameter in binds_always)
    instances = result.in_service * settings.workers / settings.service.mean
    binding = [fixed.parameter] if (instances >= fixed.rate).any() else []
    if (instances < fixed.rate).any():
        binding.append("instances in service")
    rate = np.minimum(instances, fixed.rate)
    over_quota = rates[OVER_QUOTA] > 0
    if over_quota.any():
        binding.append("DailyQuota once it is used up")
        admitted = rates.sum(axis=0) - rates[LIMITED] - rates[OVER_QUOTA]
        rate = np.where(over_quota, np.minimum(rate, admitted), rate)
    return f"capacity, bound by {', '.join(binding)}", rate
