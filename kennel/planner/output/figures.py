"""The figures of a plan, beside those of the present settings where it recommends others."""

from collections.abc import Sequence

from kennel.planner.analysis import costs
from kennel.planner.analysis.bottlenecks import bottleneck
from kennel.planner.analysis.plan import Plan
from kennel.planner.engines.result import TIMED_OUT, Result
from kennel.planner.formats import milliseconds, number, percent, usd
from kennel.planner.inputs.prices import Prices

TAILS = (0.5, 0.95, 0.99)  # quantiles of the latency
TAIL_NAMES = tuple(f"p{round(100 * share)}" for share in TAILS)


def headline(plan: Plan) -> str:
    """Return the price of a month beside what it answers, as one or two sentences."""
    sentence = _price(plan.result, plan.prices)
    if plan.present is None:
        return f"A month of this traffic {sentence}."
    present = _price(plan.present, plan.prices)
    return (
        f"With the recommended settings a month of this traffic {sentence}. "
        f"With the present settings it {present}."
    )


def columns(plan: Plan) -> Sequence[str]:
    """Return the titles of the columns of `rows` after the first."""
    return ("recommended", "present") if plan.present else ("these settings",)


def rows(plan: Plan) -> list[Sequence[str]]:
    """Return rows of a name and a figure for each column, the settings that differ at the end."""
    results = [result for result in (plan.result, plan.present) if result]
    figures = [_figures(result, plan.prices) for result in results]
    settings = [result.settings.overrides() for result in results]
    changed = [name for name in settings[0] if len({each[name] for each in settings}) > 1]
    return [
        *((name, *(each[name] for each in figures)) for name in figures[0]),
        *((name, *(each[name] for each in settings)) for name in changed),
    ]


def _price(result: Result, prices: Prices) -> str:
    month, month_usd = costs.month(result), costs.total(costs.bill(result, prices))
    return (
        f"costs ${usd(month_usd)} and answers {percent(month.answered)} of its requests: "
        f"${number(month.usd_per_thousand(month_usd))} for 1,000 answers"
    )


def _figures(result: Result, prices: Prices) -> dict[str, str]:
    month, month_usd = costs.month(result), costs.total(costs.bill(result, prices))
    return {
        "answered": percent(result.answered),
        "turned away (429, 503)": percent(result.throttled),
        "timed out (504)": percent(result.count(TIMED_OUT) / max(result.requests, 1e-12)),
        "tightest limit": bottleneck(result) or "none is reached",
        **{
            f"{name} of answers": milliseconds(result.quantile(share))
            for name, share in zip(TAIL_NAMES, TAILS, strict=True)
        },
        "instance-hours": number(result.instance_hours),
        "USD a month (answered)": f"{usd(month_usd)} ({percent(month.answered)})",
        "USD for 1,000 answers": number(month.usd_per_thousand(month_usd)),
    }
