"""A plan as JSON, for programs."""

from collections.abc import Sequence
from typing import Any

from kennel.planner.analysis import costs
from kennel.planner.analysis.alternatives import DeploymentOption
from kennel.planner.analysis.bottlenecks import bottleneck, findings
from kennel.planner.analysis.recommend import Recommendation
from kennel.planner.analysis.sweep import Trial, pareto
from kennel.planner.engines.result import OUTCOMES, Result
from kennel.planner.inputs.prices import Prices
from kennel.planner.output.plan_plots import TAIL_NAMES, TAILS


def as_json(
    result: Result,
    prices: Prices,
    recommendation: Recommendation | None,
    trials: Sequence[Trial],
    options: Sequence[DeploymentOption],
) -> dict[str, Any]:
    """Return the plan as a JSON object."""
    items = costs.bill(result, prices)
    counts = result.outcomes.sum(axis=1)
    plan: dict[str, Any] = {
        "profile": result.profile.name,
        "seconds": result.profile.seconds,
        "requests": result.requests,
        "outcomes": {name: float(n) for name, n in zip(OUTCOMES, counts, strict=True)},
        "answered": result.answered,
        "throttled": result.throttled,
        "latency_s": _latency(result),
        "instance_hours": result.instance_hours,
        "cold_starts": result.cold_starts,
        "usd_a_month": {item.name: item.usd for item in items} | {"sum": costs.total(items)},
        "deployment_options": [
            {
                "name": option.name,
                "throttled": option.result.throttled,
                "usd_a_month": option.usd,
                "latency_s": _latency(option.result),
                "details": option.details,
            }
            for option in options
        ],
        "bottleneck": bottleneck(result),
        "findings": findings(result),
        "settings": result.settings.overrides(),
        "prices": prices.date,
    }
    if recommendation:
        best = recommendation.best
        plan["recommendation"] = {
            "objective": recommendation.objective.text,
            "met": best is not None,
            "parameters": best.overrides() if best else None,
            "sentence": recommendation.sentence,
        }
    if trials:
        front = pareto(trials)
        plan["sweep"] = [
            {
                "changed": dict(trial.changed),
                "usd_a_month": trial.usd,
                "p99_s": _finite(trial.p99),
                "answered": trial.answered,
                "pareto": index in front,
            }
            for index, trial in enumerate(trials)
        ]
    return plan


def _latency(result: Result) -> dict[str, float | None]:
    tails = {
        name: _finite(result.quantile(share)) for name, share in zip(TAIL_NAMES, TAILS, strict=True)
    }
    return {"mean": result.mean_latency, **tails}


def _finite(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124  # JSON has no nan
