"""`kennel plan` as typer sees it; command.py does the work."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kennel.paths import TEMPLATE

_TRAFFIC = "What comes"
_PATH = "What it meets"
_ANSWER = "What to say"


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
            help="Of a profile that is no file: 30m, 6h, 1d, 2w.", rich_help_panel=_TRAFFIC
        ),
    ] = "1d",
    retries: Annotated[
        int,
        typer.Option(
            help="How often a client comes again after 429 or 503.", rich_help_panel=_TRAFFIC
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the traffic drawn.", rich_help_panel=_TRAFFIC)] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A template parameter, such as ReservedConcurrency=10; repeatable.",
            rich_help_panel=_PATH,
        ),
    ] = None,
    template: Annotated[
        Path, typer.Option(help="Where the settings are read.", rich_help_panel=_PATH)
    ] = TEMPLATE,
    service: Annotated[
        str,
        typer.Option(
            help="Time of one request on one worker: p50=15ms,p99=36ms, mean=20ms,cv=0.3, a file "
            "of milliseconds, or what bench/endpoint.py printed.",
            rich_help_panel=_PATH,
        ),
    ] = "",
    work: Annotated[
        str, typer.Option(help="Lambda's own time, in the same forms.", rich_help_panel=_PATH)
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            help="Requests an instance works on at once; 0: its vCPUs.", rich_help_panel=_PATH
        ),
    ] = 0,
    start: Annotated[
        str, typer.Option(help="Until a new instance answers.", rich_help_panel=_PATH)
    ] = "",
    cold_start: Annotated[
        str, typer.Option(help="That a new Lambda environment adds.", rich_help_panel=_PATH)
    ] = "",
    provisioned: Annotated[
        int, typer.Option(help="Provisioned concurrency.", rich_help_panel=_PATH)
    ] = 0,
    metric: Annotated[
        str,
        typer.Option(
            help="Scaled by `invocations` a minute and instance, or by `concurrency`, each ten "
            "seconds.",
            rich_help_panel=_PATH,
        ),
    ] = "invocations",
    prices: Annotated[
        Path | None, typer.Option(help="Another price file.", rich_help_panel=_PATH)
    ] = None,
    slo: Annotated[
        str,
        typer.Option(
            help="Look for the cheapest settings that keep this: p99=1s,success=99.9%.",
            rich_help_panel=_ANSWER,
        ),
    ] = "",
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="Try values: ReservedConcurrency=5,10,20; repeatable.", rich_help_panel=_ANSWER
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="bins (fast), or events (each request; minutes and hours of traffic).",
            rich_help_panel=_ANSWER,
        ),
    ] = "bins",
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report here.", rich_help_panel=_ANSWER)
    ] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON for machines.", rich_help_panel=_ANSWER)
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Send a short, scaled-down version to the offline cloud, and compare.",
            rich_help_panel=_ANSWER,
        ),
    ] = False,
) -> None:
    """Say what traffic the settings hold and what they cost, before anything is deployed.

    Settings come from template.yaml, prices from kennel/planner/inputs/prices.json. Measure
    --service on
    the instance type that you mean to use: everything else follows from it.

    \b
    kennel plan daily:5 --length 1w
    kennel plan spike:10,x8,5m --length 1h --report plan.html
    kennel plan --replay --report replay.html
    kennel plan calls.csv --set MaxInstances=10 --slo p99=1s,success=99.9%
    kennel plan daily:50 --sweep ReservedConcurrency=10,20 --sweep MinInstances=1,2
    """  # noqa: D301  # click keeps the lines after its mark as they are
    from kennel.planner import command  # noqa: PLC0415  # numpy only where it is used
    from kennel.planner.inputs import prices as price_files  # noqa: PLC0415

    screen = Console(stderr=True)
    ask = command.Ask(
        traffic, length, template, set_ or [], service, work, workers, start, cold_start,
        provisioned, retries, metric, prices or price_files.FILE, engine, seed, slo,
        sweep or [], report, json_,
    )  # fmt: skip
    if replay:
        from kennel.planner.replay.replay import run  # noqa: PLC0415  # starts a cloud

        raise typer.Exit(run(ask, screen))
    command.run(ask, screen)
