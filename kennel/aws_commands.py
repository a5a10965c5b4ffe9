"""The commands for a stack on AWS: `kennel preflight`, `kennel batch`, `kennel destroy`."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kennel import aws, batch, deployed, deployment, destroy
from kennel.deployment import Deployment
from kennel.errors import KennelError
from kennel.leftovers import Stack, leftovers
from kennel.preflight import report
from kennel.preflight.run import findings

screen = Console(stderr=True)

ConfigEnv = Annotated[
    str, typer.Option(help="Environment of samconfig.toml, as for sam deploy.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(help="Name=Value, as for sam deploy: replaces samconfig.toml's whole list."),
]
StackName = Annotated[str, typer.Option(help="Instead of samconfig.toml's.")]
Region = Annotated[str, typer.Option(help="AWS region; else what the AWS configuration says.")]
Profile = Annotated[str, typer.Option(help="Profile of the AWS configuration.")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask the running `kennel up`, not AWS.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def preflight(
    *,
    config_env: ConfigEnv = "",
    parameter_overrides: Overrides = None,
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """List all that would stop a deploy, before a cent is spent; exit status 1 if something does.

    It changes nothing in the account.
    """
    wanted = _wanted(config_env, parameter_overrides, stack_name, region, offline=offline)
    connect = aws.connect(wanted.region, profile, offline=offline)
    with screen.status("looking"):
        found = list(findings(wanted, connect))
    if json_:
        print(report.as_json(found))
    else:
        Console().print(report.as_table(found))
        screen.print(report.verdict(found))
    if report.blocks(found):
        raise typer.Exit(1)


def run_batch(
    photos: Annotated[str, typer.Argument(help="s3://BUCKET/batch/...: photos of dogs.")],
    *,
    out: Annotated[str, typer.Option(help="s3://...; by default answers/ in that bucket.")] = "",
    config_env: ConfigEnv = "",
    parameter_overrides: Overrides = None,
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Classify every photo below an S3 prefix with the model that is live."""
    wanted = _wanted(config_env, parameter_overrides, "", region, offline=offline)
    connect = aws.connect(wanted.region, profile, offline=offline)
    where = batch.Place.read(out) if out else None
    with _said_in_one_sentence():
        started = batch.start(connect, wanted.endpoint_name, batch.Place.read(photos), where)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
            task = progress.add_task(started.job, total=started.photos)

            def show(status: str, answers: int) -> None:
                progress.update(task, description=f"{started.job} {status}", completed=answers)

            status = batch.wait(connect, started, show)
    if json_:
        print(started.as_json(status))
    else:
        print(f"{status}: {started.photos} photos, answers in {started.answers}")
    if status != "Completed":
        raise typer.Exit(1)


def run_destroy(
    *,
    config_env: ConfigEnv = "",
    parameter_overrides: Overrides = None,
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json_: Json = False,
) -> None:
    """Delete the stack, then look for anything left; exit status 1 if it costs money."""
    wanted = _wanted(config_env, parameter_overrides, stack_name, region, offline=False)
    connect = aws.connect(wanted.region, profile)
    with _said_in_one_sentence():
        there = deployed.find(connect, wanted.stack_name)
        looked_for = Stack.of(wanted, there)
        if there:
            destroy.delete_stack(
                wanted.stack_name,
                wanted.region,
                profile,
                yes=yes,
                run=destroy.run,
                command=destroy.sam(),
            )
        else:
            screen.print(f"There is no stack {wanted.stack_name}; looking for what it left.")
    with screen.status("looking for what is left"):
        left = list(leftovers(looked_for, connect))
    if json_:
        print(destroy.as_json(left))
    elif left:
        Console().print(destroy.as_table(left))
    else:
        print("Nothing is left.")
    if destroy.keeps_costing(left):
        raise typer.Exit(1)


def _wanted(
    config_env: str,
    overrides: list[str] | None,
    stack_name: str,
    region: str,
    *,
    offline: bool,
) -> Deployment:
    """Read what a command is about; offline it is what `kennel up` runs, unless told otherwise."""
    env = config_env or (None if offline else "default")
    return deployment.read(env, overrides or (), stack_name=stack_name, region=region)


@contextlib.contextmanager
def _said_in_one_sentence() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise KennelError(aws.sentence(error)) from error
