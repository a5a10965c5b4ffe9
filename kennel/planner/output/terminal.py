"""A plan in a terminal, and as JSON."""

from typing import Any

from rich.console import Console
from rich.table import Table

from kennel.planner.analysis import bottlenecks, costs
from kennel.planner.analysis.alternatives import Way
from kennel.planner.analysis.recommend import Advice
from kennel.planner.analysis.sweep import Try, pareto
from kennel.planner.engines.result import ENDINGS, Result
from kennel.planner.inputs.prices import Prices
from kennel.planner.output.report import TAILS, WORDS, milliseconds, percent


def show(
    out: Console, result: Result, prices: Prices, advice: Advice | None, ways: list[Way]
) -> None:
    """Print the tables, what the planner finds, and what it recommends."""
    fates = Table("how requests end", show_edge=False, title_justify="left")
    fates.add_column("requests", justify="right")
    fates.add_column("share", justify="right")
    for name, count in zip(ENDINGS, result.endings.sum(axis=1), strict=True):
        if count >= 0.5:  # noqa: PLR2004
            fates.add_row(WORDS[name], f"{count:,.0f}", percent(count / result.requests))
    money = Table("USD a month", show_edge=False)
    money.add_column("", justify="right")
    money.add_column("for", style="dim")
    parts = costs.bill(result, prices)
    for part in parts:
        money.add_row(part.name, f"{part.usd:,.2f}", part.how)
    money.add_row("[bold]sum", f"[bold]{costs.total(parts):,.2f}", f"prices of {prices.date}")
    others = Table("ways to run the model", show_edge=False)
    for name in ("throttled", "p50", "p95", "p99", "USD a month"):
        others.add_column(name, justify="right")
    for way in ways:
        others.add_row(
            way.name,
            percent(way.result.throttled),
            *(milliseconds(way.result.quantile(share)) for share in TAILS),
            "missing" if way.usd is None else f"{way.usd:,.2f}",
        )
    spared = costs.provisioned_instead(result, prices)
    more = "" if spared.usd is None else f": {spared.usd:+,.2f} USD a month"
    tails = [f"p{round(100 * s)} {milliseconds(result.quantile(s))}" for s in TAILS]
    out.print(fates)
    out.print(
        f"\nlatency  {', '.join(tails)}\ninstance-hours  {result.instance_hours:,.2f}, of which "
        f"{result.instance_hours_starting:,.2f} while starting\n",
        highlight=False,
    )
    out.print(money)
    out.print()
    out.print(others)
    for way in ways[1:]:
        out.print(f"{way.name}: {way.how}", highlight=False, markup=False, style="dim")
    out.print(f"\n{spared.name}{more}, {spared.how}\n", highlight=False, markup=False)
    for sentence in bottlenecks.say(result):
        out.print(f"• {sentence}", highlight=False, markup=False)
    if advice:
        out.print(f"\n{advice.sentence}", highlight=False, markup=False, style="bold")
        if advice.overrides:
            out.print(advice.overrides, highlight=False, markup=False, soft_wrap=True)


def as_json(
    result: Result, prices: Prices, advice: Advice | None, tries: list[Try], ways: list[Way]
) -> dict[str, Any]:
    """Return the plan as JSON holds it."""
    parts = costs.bill(result, prices)
    counts = result.endings.sum(axis=1)
    found: dict[str, Any] = {
        "profile": result.profile.name,
        "seconds": result.profile.seconds,
        "requests": result.requests,
        "endings": {name: float(n) for name, n in zip(ENDINGS, counts, strict=True)},
        "answered": result.answered,
        "throttled": result.throttled,
        "latency_s": _latency(result),
        "instance_hours": result.instance_hours,
        "cold_starts": result.cold_starts,
        "usd_a_month": {part.name: part.usd for part in parts} | {"sum": costs.total(parts)},
        "ways": [
            {
                "name": way.name,
                "throttled": way.result.throttled,
                "usd_a_month": way.usd,
                "latency_s": _latency(way.result),
                "how": way.how,
            }
            for way in ways
        ],
        "binds_first": bottlenecks.binding(result),
        "findings": bottlenecks.say(result),
        "settings": result.settings.overrides(),
        "prices": prices.date,
    }
    if advice:
        found["advice"] = {
            "objective": advice.objective.text,
            "met": advice.best is not None,
            "parameters": advice.best.overrides() if advice.best else None,
            "sentence": advice.sentence,
        }
    if tries:
        best = pareto(tries)
        found["sweep"] = [
            {"changed": dict(each.changed), "usd_a_month": each.usd, "p99_s": _finite(each.p99),
             "answered": each.answered, "pareto": index in best}
            for index, each in enumerate(tries)
        ]  # fmt: skip
    return found


def _latency(result: Result) -> dict[str, float | None]:
    tails = {f"p{round(100 * share)}": _finite(result.quantile(share)) for share in TAILS}
    return {"mean": result.mean_latency, **tails}


def _finite(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124  # nan is no JSON
