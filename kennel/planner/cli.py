"""The options of `kennel plan`; command.py does the work."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kennel.paths import TEMPLATE

_TRAFFIC = "Traffic"
_SYSTEM = "System"
_OUTPUT = "Output"


def plan(  # noqa: PLR0917  # typer makes an option of each
    traffic: Annotated[
        str,
        typer.Argument(
            help="constant:20 (requests a second), daily:20 (the mean; peak at 15:00 UTC), "
            "spike:10,x8,5m, a CSV of timestamp,count, or the JSON of `aws cloudwatch "
            "get-metric-data`.",
            show_default=False,
        ),
    ] = "daily:5",
    length: Annotated[
        str,
        typer.Option(
            help="Length of a profile that is not a file: 30m, 6h, 1d, 2w.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = "1d",
    retries: Annotated[
        int,
        typer.Option(help="How often a client retries after 429 or 503.", rich_help_panel=_TRAFFIC),
    ] = 0,
    seed: Annotated[
        int, typer.Option(help="Random seed of the traffic.", rich_help_panel=_TRAFFIC)
    ] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A template parameter, such as ReservedConcurrency=10; repeatable.",
            rich_help_panel=_SYSTEM,
        ),
    ] = None,
    template: Annotated[
        Path, typer.Option(help="The template with the settings.", rich_help_panel=_SYSTEM)
    ] = TEMPLATE,
    service: Annotated[
        str,
        typer.Option(
            help="Service time of one request on one worker: p50=15ms,p99=36ms, mean=20ms,cv=0.3, "
            "a file of milliseconds, or the output of bench/endpoint.py.",
            rich_help_panel=_SYSTEM,
        ),
    ] = "",
    work: Annotated[
        str, typer.Option(help="Lambda's own time, in the same forms.", rich_help_panel=_SYSTEM)
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            help="Requests that an instance serves at the same time; 0: its number of vCPUs.",
            rich_help_panel=_SYSTEM,
        ),
    ] = 0,
    start: Annotated[
        str, typer.Option(help="Start time of a new instance.", rich_help_panel=_SYSTEM)
    ] = "",
    cold_start: Annotated[
        str, typer.Option(help="Time that a cold start of Lambda adds.", rich_help_panel=_SYSTEM)
    ] = "",
    provisioned: Annotated[
        int, typer.Option(help="Provisioned concurrency.", rich_help_panel=_SYSTEM)
    ] = 0,
    metric: Annotated[
        str,
        typer.Option(
            help="Metric of scaling: `invocations` a minute and instance, or `concurrency` every "
            "ten seconds.",
            rich_help_panel=_SYSTEM,
        ),
    ] = "invocations",
    prices: Annotated[
        Path | None, typer.Option(help="Another price file.", rich_help_panel=_SYSTEM)
    ] = None,
    slo: Annotated[
        str,
        typer.Option(
            help="Find the cheapest settings that meet this objective: p99=1s,success=99.9%.",
            rich_help_panel=_OUTPUT,
        ),
    ] = "",
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="Compare values: ReservedConcurrency=5,10,20; repeatable.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="analytic (fast), or simulation (each request; minutes and hours of traffic).",
            rich_help_panel=_OUTPUT,
        ),
    ] = "analytic",
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report here.", rich_help_panel=_OUTPUT)
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON for machines.", rich_help_panel=_OUTPUT)
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Send a short, scaled-down version to the offline cloud, and compare.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
) -> None:
    """Predict what traffic the settings can serve and what they cost, before deployment.

    Settings come from template.yaml, prices from kennel/planner/inputs/prices.json. Measure
    --service on the instance type that you mean to use: everything else follows from it.

    \b
    kennel plan daily:5 --length 1w
    kennel plan spike:10,x8,5m --length 1h --report plan.html
    kennel plan --replay --report replay.html
    kennel plan calls.csv --set MaxInstances=10 --slo p99=1s,success=99.9%
    kennel plan daily:50 --sweep ReservedConcurrency=10,20 --sweep MinInstances=1,2
    """  # noqa: D301  # click keeps the lines after its mark as they are
    from kennel.planner import command  # noqa: PLC0415  # numpy only where it is used
    from kennel.planner.inputs import prices as price_files  # noqa: PLC0415

    console = Console(stderr=True)
    request = command.PlanRequest(
        traffic=traffic,
        length=length,
        template=template,
        parameters=set_ or [],
        service=service,
        work=work,
        workers=workers,
        start=start,
        cold_start=cold_start,
        provisioned=provisioned,
        retries=retries,
        metric=metric,
        prices=prices or price_files.FILE,
        engine=engine,
        seed=seed,
        objective=slo,
        sweep=sweep or [],
        report=report,
        as_json=json_,
    )
    if replay:
        from kennel.planner.replay.replay import run  # noqa: PLC0415  # starts a cloud

        raise typer.Exit(run(request, console))
    command.run(request, console)
