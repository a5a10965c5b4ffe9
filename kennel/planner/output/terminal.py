"""Tables and sentences of a plan for a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kennel.planner.analysis import costs
from kennel.planner.analysis.alternatives import DeploymentOption
from kennel.planner.analysis.bottlenecks import findings
from kennel.planner.analysis.recommend import Recommendation
from kennel.planner.engines.result import OUTCOMES, Result
from kennel.planner.inputs.prices import Prices
from kennel.planner.output.formats import milliseconds, percent, usd
from kennel.planner.output.plan_plots import TAIL_NAMES, TAILS
from kennel.planner.output.report import OUTCOME_WORDS


def show(
    console: Console,
    result: Result,
    prices: Prices,
    recommendation: Recommendation | None,
    options: Sequence[DeploymentOption],
) -> None:
    """Print the tables, the findings, and the recommendation."""
    console.print(_outcomes(result))
    tails = ", ".join(
        f"{name} {milliseconds(result.quantile(share))}"
        for name, share in zip(TAIL_NAMES, TAILS, strict=True)
    )
    console.print(
        f"\nlatency  {tails}\ninstance-hours  {result.instance_hours:,.2f}, of which "
        f"{result.instance_hours_starting:,.2f} while starting\n",
        highlight=False,
    )
    console.print(_bill(result, prices))
    console.print()
    console.print(_deployment_options(options))
    for option in options[1:]:
        console.print(
            f"{option.name}: {option.details}", highlight=False, markup=False, style="dim"
        )
    provisioned = costs.provisioned_instead(result, prices)
    amount = "" if provisioned.usd is None else f": {provisioned.usd:+,.2f} USD a month"
    console.print(
        f"\n{provisioned.name}{amount}, {provisioned.basis}\n", highlight=False, markup=False
    )
    for sentence in findings(result):
        console.print(f"• {sentence}", highlight=False, markup=False)
    if recommendation:
        console.print(f"\n{recommendation.sentence}", highlight=False, markup=False, style="bold")
        if recommendation.overrides:
            console.print(recommendation.overrides, highlight=False, markup=False, soft_wrap=True)


def _outcomes(result: Result) -> Table:
    table = Table("how requests end", show_edge=False, title_justify="left")
    table.add_column("requests", justify="right")
    table.add_column("share", justify="right")
    for name, count in zip(OUTCOMES, result.outcomes.sum(axis=1), strict=True):
        if count >= 0.5:  # noqa: PLR2004  # counts are means: less is not one request
            table.add_row(OUTCOME_WORDS[name], f"{count:,.0f}", percent(count / result.requests))
    return table


def _bill(result: Result, prices: Prices) -> Table:
    table = Table("USD a month", show_edge=False)
    table.add_column("", justify="right")
    table.add_column("for", style="dim")
    items = costs.bill(result, prices)
    for item in items:
        table.add_row(item.name, usd(item.usd), item.basis)
    table.add_row("[bold]sum", f"[bold]{costs.total(items):,.2f}", f"prices of {prices.date}")
    return table


def _deployment_options(options: Sequence[DeploymentOption]) -> Table:
    table = Table("deployment options", show_edge=False)
    for name in ("throttled", *TAIL_NAMES, "USD a month"):
        table.add_column(name, justify="right")
    for option in options:
        table.add_row(
            option.name,
            percent(option.result.throttled),
            *(milliseconds(option.result.quantile(share)) for share in TAILS),
            usd(option.usd),
        )
    return table
