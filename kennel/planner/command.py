"""`kennel plan`: makes a plan from the command line's options, and prints it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from kennel.planner.analysis import alternatives, costs, recommend, slo, sweep
from kennel.planner.analysis.plan import Plan
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import Result
from kennel.planner.engines.simulation import simulate
from kennel.planner.errors import PlanError
from kennel.planner.inputs import distributions, prices, traffic_files
from kennel.planner.inputs.distributions import Distribution
from kennel.planner.inputs.settings import PlanSettings, read_template
from kennel.planner.inputs.traffic import Profile, parse, parse_length
from kennel.planner.output import report, terminal
from kennel.planner.output.json_output import as_json

MAX_SIMULATED = 5_000_000  # requests; more would take an hour
_ENGINES = {
    "analytic": estimate,
    "simulation": simulate,
    "bins": estimate,  # former names
    "events": simulate,
}
_SEEDS = 2**32
_METRICS = ("invocations", "concurrency")
_QUEUE_PER_WORKER = 32  # requests that model/server.py accepts for each core


@dataclass
class PlanRequest:
    """The command line's options, with its defaults."""

    traffic: str
    length: str = "1d"
    template: Path = Path("template.yaml")
    parameters: list[str] = field(default_factory=list)
    service: str = ""
    work: str = ""
    workers: int = 0
    start: str = ""
    cold_start: str = ""
    provisioned: int = 0
    retries: int = 0
    metric: str = "invocations"
    prices: Path = prices.FILE
    engine: str = "analytic"
    seed: int = 0
    objective: str = ""
    sweep: list[str] = field(default_factory=list)
    report: Path | None = None
    as_json: bool = False


@dataclass(frozen=True)
class PlanInputs:
    """What a plan is made from."""

    settings: PlanSettings
    profile: Profile
    prices: prices.Prices


def run(request: PlanRequest, console: Console) -> None:
    """Make a plan, print it, and write the report.

    Parameters
    ----------
    console
        For progress and notes; the plan itself goes to standard output.

    Raises
    ------
    PlanError
        For inputs that cannot be planned with, in one sentence.
    """
    inputs = read_inputs(request)
    objective = slo.parse(request.objective) if request.objective else None
    result = _run_engine(request, inputs, console)
    trials = _sweep(request, inputs, console) if request.sweep else []
    recommendation = _recommend(objective, request, inputs, console) if objective else None
    present = None
    if recommendation and recommendation.overrides and recommendation.best:
        present, inputs = result, replace(inputs, settings=recommendation.best)
        result = _run_engine(request, inputs, console)
    plan = Plan(
        result,
        inputs.prices,
        present,
        recommendation,
        trials,
        alternatives.compare(result, inputs.prices, request.seed),
    )
    if request.report:
        report.write(request.report, plan)
    if request.as_json:
        print(json.dumps(as_json(plan)))
    else:
        terminal.show(Console(), plan)
    if request.report:
        console.print(f"\nReport: {request.report}", highlight=False, markup=False, soft_wrap=True)


def read_inputs(request: PlanRequest) -> PlanInputs:
    """Return the settings, traffic and prices of a request.

    Raises
    ------
    PlanError
        For an option or a file that cannot be read.
    """
    _engine(request.engine)
    if not 0 <= request.seed < _SEEDS:
        raise PlanError(f"--seed is {str(request.seed)[:40]}: expected 0 to {_SEEDS - 1:,}")
    price_list = prices.read(request.prices)
    settings = read_template(request.template).with_parameters(_parameters(request.parameters))
    costs.check_instance_type(settings.instance_type, price_list)
    workers = request.workers or price_list.vcpus(settings.instance_type)
    settings = replace(
        settings,
        workers=workers,
        queue=_QUEUE_PER_WORKER * workers,
        provisioned=request.provisioned,
        retries=request.retries,
        metric=_metric(request.metric),
    )

    def given_or(text: str, default: Distribution) -> Distribution:
        return distributions.read(text) if text else default

    settings = replace(
        settings,
        service=given_or(request.service, settings.service),
        work=given_or(request.work, settings.work),
        start=given_or(request.start, settings.start),
        cold_start=given_or(request.cold_start, settings.cold_start),
    )
    return PlanInputs(settings.checked(), read_traffic(request.traffic, request.length), price_list)


def read_traffic(text: str, length: str) -> Profile:
    """Return the profile of a file, or one given as text that lasts `length`."""
    path = Path(text)
    if path.suffix.lower() in {".csv", ".json"} or os.path.isfile(text):  # noqa: PTH113 - Path.is_file raises for a name too long
        return traffic_files.read(path)
    return parse(text, parse_length(length))


def _run_engine(request: PlanRequest, inputs: PlanInputs, console: Console) -> Result:
    engine = _engine(request.engine)
    requests = inputs.profile.requests.sum()
    if engine is simulate and requests > MAX_SIMULATED:
        raise PlanError(
            f"{requests:,.0f} requests would take the simulation too long: leave "
            f"--engine simulation out, or plan a shorter --length (up to {MAX_SIMULATED:,} "
            "requests)"
        )
    with console.status(f"planning {inputs.profile.name}"):
        return engine(inputs.settings, inputs.profile, request.seed)


def _engine(name: str) -> Callable[[PlanSettings, Profile, int], Result]:
    if name not in _ENGINES:
        raise PlanError(f"--engine is {name!r}: expected analytic or simulation")
    return _ENGINES[name]


def _sweep(request: PlanRequest, inputs: PlanInputs, console: Console) -> list[sweep.Trial]:
    combinations = sweep.grid(inputs.settings, request.sweep)
    with Progress(console=console) as progress:
        task = progress.add_task("sweeping", total=len(combinations))
        return sweep.run(
            [
                sweep.TrialRequest(settings, inputs.profile, inputs.prices, request.seed, changed)
                for settings, changed in combinations
            ],
            lambda: progress.advance(task),
        )


def _recommend(
    objective: slo.Objective, request: PlanRequest, inputs: PlanInputs, console: Console
) -> recommend.Recommendation:
    settings, profile = inputs.settings, inputs.profile
    with Progress(console=console) as progress:
        total = recommend.count_candidates(settings, profile, objective, request.seed)
        task = progress.add_task(f"searching settings that meet {objective.text}", total=total)
        return recommend.recommend(
            settings,
            profile,
            inputs.prices,
            objective,
            seed=request.seed,
            on_done=lambda: progress.advance(task),
        )


def _parameters(texts: list[str]) -> dict[str, str]:
    parameters = {}
    for text in texts:
        for pair in text.split():
            name, sign, value = pair.partition("=")
            if not sign:
                raise PlanError(f"{pair!r} is not a parameter: write ReservedConcurrency=10")
            parameters[name] = value
    return parameters


def _metric(text: str) -> str:
    if text not in _METRICS:
        raise PlanError(f"--metric is {text!r}: expected {' or '.join(_METRICS)}")
    return text
