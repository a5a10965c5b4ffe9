"""A plan as JSON, for programs."""

import math
from typing import Any

from kennel.planner.analysis import costs
from kennel.planner.analysis.alternatives import DeploymentOption
from kennel.planner.analysis.bottlenecks import bottleneck, findings
from kennel.planner.analysis.capacity import limits
from kennel.planner.analysis.plan import Plan
from kennel.planner.analysis.recommend import Recommendation
from kennel.planner.analysis.sweep import pareto
from kennel.planner.engines.result import OUTCOMES, Result
from kennel.planner.inputs.prices import Prices
from kennel.planner.output.figures import TAIL_NAMES, TAILS


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON object: the result's fields, and what belongs to it."""
    document = {
        "profile": plan.result.profile.name,
        "seconds": plan.result.profile.seconds,
        "requests": plan.result.requests,
        **_result(plan.result, plan.prices),
        "deployment_options": [_option(option) for option in plan.options],
        "prices": plan.prices.date,
    }
    if plan.present:
        document["present"] = _result(plan.present, plan.prices)
    if plan.recommendation:
        document["recommendation"] = _recommendation(plan.recommendation)
    if plan.trials:
        front = pareto(plan.trials)
        document["sweep"] = [
            {
                "changed": dict(trial.changed),
                "usd_a_month": trial.usd,
                "answered_of_month": trial.answered,
                "usd_for_1000_answers": _finite(trial.usd_per_thousand),
                "p99_s": _finite(trial.p99),
                "pareto": index in front,
            }
            for index, trial in enumerate(plan.trials)
        ]
    return document


def _result(result: Result, prices: Prices) -> dict[str, Any]:
    items, month = costs.bill(result, prices), costs.month(result)
    total = costs.total(items)
    counts = result.outcomes.sum(axis=1)
    return {
        "settings": result.settings.overrides(),
        "outcomes": {name: float(n) for name, n in zip(OUTCOMES, counts, strict=True)},
        "answered": result.answered,
        "throttled": result.throttled,
        "latency_s": _latency(result),
        "instance_hours": result.instance_hours,
        "cold_starts": result.cold_starts,
        "usd_a_month": {item.name: item.usd for item in items} | {"sum": total},
        "answered_of_month": month.answered,
        "usd_for_1000_answers": _finite(month.usd_per_thousand(total)),
        "capacity": {limit.parameter: limit.rate for limit in limits(result.settings)},
        "bottleneck": bottleneck(result),
        "findings": findings(result),
    }


def _option(option: DeploymentOption) -> dict[str, Any]:
    return {
        "name": option.name,
        "deployed_by_kennel": option.by_kennel,
        "usd_a_month": option.usd,
        "answered_of_month": option.answered,
        "usd_for_1000_answers": _finite(option.usd_per_thousand),
        "throttled": option.result.throttled,
        "latency_s": _latency(option.result),
        "details": option.details,
    }


def _recommendation(recommendation: Recommendation) -> dict[str, Any]:
    best = recommendation.best
    return {
        "objective": recommendation.objective.text,
        "met": best is not None,
        "parameters": best.overrides() if best else None,
        "sentence": recommendation.sentence,
    }


def _latency(result: Result) -> dict[str, float | None]:
    tails = {
        name: _finite(result.quantile(share)) for name, share in zip(TAIL_NAMES, TAILS, strict=True)
    }
    return {"mean": result.mean_latency, **tails}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None  # JSON has no nan
