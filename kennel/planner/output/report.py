"""HTML report of a plan: one file, without script or network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kennel.planner.analysis import capacity, costs
from kennel.planner.analysis.alternatives import DeploymentOption, advice
from kennel.planner.analysis.bottlenecks import findings
from kennel.planner.analysis.plan import Plan
from kennel.planner.analysis.sweep import Trial, pareto
from kennel.planner.engines.result import OUTCOMES, Result
from kennel.planner.formats import duration, milliseconds, number, percent, usd
from kennel.planner.inputs.distributions import Distribution
from kennel.planner.inputs.prices import Prices
from kennel.planner.output import figures, page
from kennel.planner.output.figures import TAIL_NAMES, TAILS
from kennel.planner.output.plan_plots import plan_plots
from kennel.planner.output.plots import ScatterPlot, scatter

#: Outcome -> its words in tables.
OUTCOME_WORDS = {
    "answered": "answered",
    "limited": "429: rate or burst",
    "over_quota": "429: daily quota",
    "no_execution": "503: no execution free",
    "queue_full": "503: endpoint's queue full",
    "timed_out": "504: timed out",
}
_NOTED_THROTTLED = 0.001  # share from which the figure is shown in red

Row = Sequence[str]


@dataclass(frozen=True)
class Tile:
    """A large figure at the top of the report."""

    name: str
    figure: str
    note: str
    css_class: str = ""


def write(path: Path, plan: Plan) -> None:
    """Write the report to `path` atomically.

    Raises
    ------
    PlanError
        When it cannot be written.
    """
    result, prices, trials = plan.result, plan.prices, plan.trials
    front = pareto(trials) if trials else []
    page.write(
        path,
        "plan.html",
        result=result,
        summary=_summary(result),
        headline=figures.headline(plan),
        capacity=capacity.sentence(result.settings),
        tiles=_tiles(result, prices),
        findings=findings(result),
        recommendation=plan.recommendation,
        figure_names=figures.columns(plan),
        figure_rows=figures.rows(plan) if plan.present else [],
        plots=plan_plots(result, prices),
        outcome_rows=_outcome_rows(result),
        bill_rows=_bill_rows(result, prices),
        tail_names=list(TAIL_NAMES),
        option_rows=[_option_row(option) for option in plan.options],
        option_note=advice(plan.options) if plan.options else "",
        trial_plot=_trial_plot(trials, front) if trials else None,
        front_rows=[_trial_row(trials[index]) for index in front],
        assumption_rows=_assumption_rows(result, prices),
    )


def _summary(result: Result) -> str:
    profile, settings = result.profile, result.settings
    instances = f"{settings.minimum} to {settings.maximum} instances"
    if settings.minimum == settings.maximum:
        instances = f"{settings.minimum} instance{'s' * (settings.minimum > 1)}"
    return (
        f"{result.requests:,.0f} requests in {duration(profile.seconds)}, at most "
        f"{number(profile.peak)} a second, through at most {settings.concurrency} concurrent "
        f"executions to {instances} of {settings.instance_type}."
    )


def _tiles(result: Result, prices: Prices) -> list[Tile]:
    noted = "bad" if result.throttled > _NOTED_THROTTLED else ""
    p50, p95, p99 = (milliseconds(result.quantile(share)) for share in TAILS)
    month, month_usd = costs.month(result), costs.total(costs.bill(result, prices))
    answered = percent(month.answered)
    return [
        Tile("Answered", percent(result.answered), "of all requests", "accent"),
        Tile("Turned away", percent(result.throttled), "with 429 or 503", noted),
        Tile("A month", f"${month_usd:,.2f}", f"of this traffic, {answered} of it answered"),
        Tile("1,000 answers", f"${number(month.usd_per_thousand(month_usd))}", "of that month"),
        Tile("p99", p99, f"of answers; p50 {p50}, p95 {p95}"),
    ]


def _outcome_rows(result: Result) -> list[Row]:
    counts = result.outcomes.sum(axis=1)
    return [
        (OUTCOME_WORDS[name], f"{count:,.0f}", percent(count / result.requests))
        for name, count in zip(OUTCOMES, counts, strict=True)
    ]


def _bill_rows(result: Result, prices: Prices) -> list[Row]:
    items, month = costs.bill(result, prices), costs.month(result)
    total = costs.total(items)
    answers = f"{month.answers:,.0f} answers, to {percent(month.answered)} of the requests"
    return [
        *((item.name, usd(item.usd), item.basis) for item in items),
        ("sum", usd(total), f"{answers}; prices of {prices.date}, check before quoting"),
    ]


def _option_row(option: DeploymentOption) -> Row:
    tails = (milliseconds(option.result.quantile(share)) for share in TAILS)
    thousand = option.usd_per_thousand
    return (
        option.name,
        usd(option.usd),
        percent(option.answered),
        "missing" if thousand is None else number(thousand),
        *tails,
        "yes" if option.by_kennel else "no",
        option.details,
    )


def _trial_plot(trials: Sequence[Trial], front: Sequence[int]) -> ScatterPlot:
    points = [
        (trial.usd, 1000 * trial.p99, f"{trial.label}: {percent(trial.answered)} answered")
        for trial in trials
    ]
    return scatter("cost against p99", points, front, ("USD a month", "p99, ms"))


def _trial_row(trial: Trial) -> Row:
    thousand = number(trial.usd_per_thousand)
    answered = percent(trial.answered)
    return (trial.label, usd(trial.usd), answered, thousand, milliseconds(trial.p99))


def _assumption_rows(result: Result, prices: Prices) -> list[Row]:
    settings = result.settings
    parameters = [
        (name, value, "template parameter") for name, value in settings.overrides().items()
    ]
    workers = f"{settings.workers} workers an instance, {settings.queue} requests accepted"
    start = settings.start
    return [
        *parameters,
        ("service time", _describe(settings.service), workers),
        ("Lambda's own work", _describe(settings.work), f"{settings.memory_mb} MB"),
        (
            "cold start",
            milliseconds(settings.cold_start.mean),
            f"environments are kept {settings.keep_warm:.0f} s",
        ),
        (
            "start of an instance",
            f"{start.quantile(0.5):.0f} s",
            f"p99 {start.quantile(0.99):.0f} s",
        ),
        (
            "retries of a client",
            str(settings.retries),
            f"after {settings.retry_after:g} s to {2 * settings.retry_after:g} s",
        ),
        ("prices", prices.date, prices.path.name),
    ]


def _describe(times: Distribution) -> str:
    source = times.source or "assumed"
    return f"mean {milliseconds(times.mean)}, cv {times.cv:.2f} ({source})"
