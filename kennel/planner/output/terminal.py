"""Tables and sentences of a plan for a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kennel.planner.analysis import capacity, costs
from kennel.planner.analysis.alternatives import DeploymentOption, advice
from kennel.planner.analysis.bottlenecks import findings
from kennel.planner.analysis.plan import Plan
from kennel.planner.analysis.sweep import Trial, pareto
from kennel.planner.engines.result import OUTCOMES, Result
from kennel.planner.formats import milliseconds, number, percent, usd
from kennel.planner.inputs.prices import Prices
from kennel.planner.output import figures
from kennel.planner.output.report import OUTCOME_WORDS


def show(console: Console, plan: Plan) -> None:
    """Print what a month costs and answers, the tables, the findings and the recommendation."""

    def say(text: str, style: str = "") -> None:
        console.print(text, highlight=False, markup=False, style=style)

    say(figures.headline(plan), "bold")
    say(f"{capacity.sentence(plan.result.settings)}\n")
    console.print(_figures(plan))
    console.print()
    console.print(_outcomes(plan.result))
    console.print()
    console.print(_bill(plan.result, plan.prices))
    console.print()
    if plan.trials:
        console.print(_best_trials(plan.trials))
        console.print()
    console.print(_deployment_options(plan.options))
    for option in plan.options[1:]:
        say(f"{option.name}: {option.details}", "dim")
    say(advice(plan.options))
    if provisioned := costs.provisioned_instead(plan.result, plan.prices):
        say(provisioned)
    console.print()
    for sentence in findings(plan.result):
        say(f"• {sentence}")
    if plan.recommendation:
        say(f"\n{plan.recommendation.sentence}", "bold")
        if plan.recommendation.overrides:
            overrides = plan.recommendation.overrides
            console.print(overrides, highlight=False, markup=False, soft_wrap=True)


def _figures(plan: Plan) -> Table:
    table = Table("", show_edge=False)
    for name in figures.columns(plan):
        table.add_column(name, justify="right")
    for row in figures.rows(plan):
        table.add_row(*row)
    return table


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
    items, month = costs.bill(result, prices), costs.month(result)
    for item in items:
        table.add_row(item.name, usd(item.usd), item.basis)
    answers = f"{month.answers:,.0f} answers, to {percent(month.answered)} of the requests"
    table.add_row("[bold]sum", f"[bold]{costs.total(items):,.2f}", answers)
    table.caption = f"prices of {prices.date}, check before quoting"
    return table


def _best_trials(trials: Sequence[Trial]) -> Table:
    table = Table(f"the best of {len(trials)} settings in cost and p99", show_edge=False)
    for name in ("USD a month", "answered", "per 1,000", "p99"):
        table.add_column(name, justify="right")
    for index in pareto(trials):
        trial = trials[index]
        prices = usd(trial.usd), percent(trial.answered), number(trial.usd_per_thousand)
        table.add_row(trial.label, *prices, milliseconds(trial.p99))
    return table


def _deployment_options(options: Sequence[DeploymentOption]) -> Table:
    table = Table("ways to run the model", show_edge=False)
    for name in ("USD a month", "answered", "per 1,000", "p99", "by Kennel"):
        table.add_column(name, justify="right")
    for option in options:
        thousand = option.usd_per_thousand
        table.add_row(
            option.name,
            usd(option.usd),
            percent(option.answered),
            "missing" if thousand is None else number(thousand),
            milliseconds(option.result.quantile(0.99)),
            "yes" if option.by_kennel else "no",
        )
    return table
