"""Draw the time-series plots of the plan report."""

from collections.abc import Callable

import numpy as np

from kennel.planner.analysis import costs
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
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.output.formats import milliseconds, number
from kennel.planner.output.plots import Series, TimePlot, over_time

TAILS = (0.5, 0.95, 0.99)  # quantiles of the latency
TAIL_NAMES = tuple(f"p{round(100 * share)}" for share in TAILS)
_HOUR = 3600


def plan_plots(result: Result, prices: Prices) -> list[TimePlot]:
    """Return the plots of a result; the one of requests turned away only where there are any."""
    settings, seconds = result.settings, result.profile.seconds
    rates = result.outcomes / BIN_S  # requests a second
    turned_away = rates[LIMITED : TIMED_OUT + 1]
    execution_time = settings.work.mean + settings.service.mean
    capacity = np.minimum(
        result.in_service * settings.workers / settings.service.mean,
        min(settings.concurrency / execution_time, settings.rate),
    )
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
            Series("capacity", capacity, "soft", peak=False),
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
