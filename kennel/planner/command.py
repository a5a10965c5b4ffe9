"""`kennel plan`: from what a person types to a plan."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from kennel.planner.analysis import alternatives, costs, slo, sweep
from kennel.planner.analysis import recommend as advising
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.simulation import simulate
from kennel.planner.errors import BadPlan
from kennel.planner.inputs import prices, traffic_files
from kennel.planner.inputs.distributions import read as read_times
from kennel.planner.inputs.settings import Settings, read_template
from kennel.planner.inputs.traffic import Profile, length, parse
from kennel.planner.output import report, terminal

SLOW_FROM = 5_000_000  # requests that the exact engine is refused


@dataclass
class Ask:
    """The command line's options; the defaults are the command's own."""

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
    engine: str = "bins"
    seed: int = 0
    objective: str = ""
    sweep: list[str] = field(default_factory=list)
    report: Path | None = None
    as_json: bool = False


def run(ask: Ask, screen: Console) -> None:
    """Plan, print, and write the report.

    Raises
    ------
    BadPlan
        In one sentence, for whatever cannot be planned with.
    """
    settings, profile, held = read(ask)
    objective = slo.parse(ask.objective) if ask.objective else None
    tried: list[sweep.Try] = []
    if ask.engine == "events" and profile.requests.sum() > SLOW_FROM:
        raise BadPlan(
            f"{profile.requests.sum():,.0f} requests would take the exact engine too long: leave "
            f"--engine events out, or plan a shorter --length (up to {SLOW_FROM:,} requests)"
        )
    run_engine = simulate if ask.engine == "events" else estimate
    with screen.status(f"planning {profile.name}"):
        result = run_engine(settings, profile, ask.seed)
    if ask.sweep:
        plans = sweep.grid(settings, ask.sweep)
        with Progress(console=screen) as progress:
            task = progress.add_task("sweeping", total=len(plans))
            tried = sweep.run(
                [(each, profile, held, ask.seed, changed) for each, changed in plans],
                lambda: progress.advance(task),
            )
    found = None
    if objective:
        with Progress(console=screen) as progress:
            total = advising.count(settings, profile, objective, ask.seed)
            task = progress.add_task(f"looking for what keeps {objective.text}", total=total)
            found = advising.advise(
                settings,
                profile,
                held,
                objective,
                seed=ask.seed,
                done=lambda: progress.advance(task),
            )
    ways = alternatives.compare(result, held, ask.seed)
    if ask.report:
        report.write(ask.report, result, held, found, tries=tried, ways=ways)
    if ask.as_json:
        print(json.dumps(terminal.as_json(result, held, found, tried, ways)))
    else:
        terminal.show(Console(), result, held, found, ways)
    if ask.report:
        screen.print(f"\nReport: {ask.report}", highlight=False, markup=False, soft_wrap=True)


def read(ask: Ask) -> tuple[Settings, Profile, prices.Prices]:
    """Return what to plan: settings, traffic, prices."""
    held = prices.read(ask.prices)
    settings = read_template(ask.template).with_parameters(_pairs(ask.parameters))
    costs.check(settings.instance_type, held)
    workers = ask.workers or held.vcpus(settings.instance_type)
    settings = replace(
        settings,
        workers=workers,
        queue=32 * workers,  # model/server.py takes in 32 a core
        provisioned=ask.provisioned,
        retries=ask.retries,
        metric=_metric(ask.metric),
    )
    settings = replace(
        settings,
        service=read_times(ask.service) if ask.service else settings.service,
        work=read_times(ask.work) if ask.work else settings.work,
        start=read_times(ask.start) if ask.start else settings.start,
        cold_start=read_times(ask.cold_start) if ask.cold_start else settings.cold_start,
    )
    return settings.checked(), traffic(ask.traffic, ask.length), held


def traffic(text: str, lasting: str) -> Profile:
    """Return the profile that a person names."""
    path = Path(text)
    if path.suffix.lower() in {".csv", ".json"} or path.is_file():
        return traffic_files.read(path)
    return parse(text, length(lasting))


def _pairs(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        for part in text.split():
            name, sign, value = part.partition("=")
            if not sign:
                raise BadPlan(f"{part!r} is no parameter: write ReservedConcurrency=10")
            found[name] = value
    return found


def _metric(text: str) -> str:
    if text not in {"invocations", "concurrency"}:
        raise BadPlan(f"--metric is {text!r}: expected invocations or concurrency")
    return text
