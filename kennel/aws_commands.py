"""The commands for a stack on AWS: `kennel preflight`, `kennel batch`, `kennel destroy`."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from kennel import aws, batch, destroy
from kennel.deployed import find_stack
from kennel.deployment import DEFAULT_ENV, Deployment, read
from kennel.errors import KennelError
from kennel.leftovers import leftover
from kennel.leftovers.names import StackNames
from kennel.leftovers.search import find_leftovers
from kennel.preflight import report
from kennel.preflight.run import run_checks
from kennel.progress import show_bar
from kennel.s3_prefix import S3Prefix

screen = Console(stderr=True)

ConfigEnv = Annotated[
    str,
    typer.Option(help="Environment of samconfig.toml, as for `sam deploy`.", show_default=False),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        help="Name=Value, as for `sam deploy`; repeatable. Replaces all of samconfig.toml's."
    ),
]
StackName = Annotated[str, typer.Option(help="Name of the stack; by default samconfig.toml's.")]
Region = Annotated[
    str, typer.Option(help="AWS region; by default samconfig.toml's, or the AWS configuration's.")
]
Profile = Annotated[str, typer.Option(help="Profile of the AWS configuration.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Use the running `kennel up` instead of AWS.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table or text.")]


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
    """Check, before it costs anything, whether the stack can be deployed.

    Checks credentials, names in use, concurrency, quotas, the log role and the network, and lists
    every problem with its remedy. Changes nothing in the account. Exit status 1 if a problem would
    stop the deployment.
    """
    deployment = _read(config_env, parameter_overrides, stack_name, region, offline=offline)
    connect = aws.connect(deployment.region, profile, offline=offline)
    with screen.status("checking the account"):
        findings = list(run_checks(deployment, connect))
    if json_:
        print(report.as_json(findings))
    else:
        Console().print(report.as_table(findings))
        screen.print(report.verdict(findings))
    if report.blocks(findings):
        raise typer.Exit(1)


def run_batch(
    photos: Annotated[
        str, typer.Argument(help="Prefix in the stack's bucket, s3://BUCKET/batch/NAME/.")
    ],
    *,
    out: Annotated[
        str,
        typer.Option(
            help="s3://BUCKET/PREFIX for the answers; by default answers/JOB/ in that bucket."
        ),
    ] = "",
    config_env: ConfigEnv = "",
    parameter_overrides: Overrides = None,
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Classify every photo below an S3 prefix with the live model.

    Starts a SageMaker transform job and waits until it has ended. Exit status 1 if it is stopped
    or fails.
    """
    deployment = _read(config_env, parameter_overrides, "", region, offline=offline)
    connect = aws.connect(deployment.region, profile, offline=offline)
    answers = S3Prefix.read(out) if out else None
    with aws_errors_as_sentences():
        job = batch.start(connect, deployment.endpoint_name, S3Prefix.read(photos), answers)
        with show_bar(screen, job.job, job.photos) as show:
            status = batch.wait(connect, job, show)
    if json_:
        print(job.as_json(status))
    else:
        print(f"{status}: {job.photos} photos, answers in {job.answers}")
    if status != "Completed":
        raise typer.Exit(1)


def run_destroy(
    *,
    config_env: ConfigEnv = "",
    parameter_overrides: Overrides = None,
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    yes: Annotated[bool, typer.Option("--yes", help="Delete without confirmation.")] = False,
    json_: Json = False,
) -> None:
    """Delete the stack, then list what still exists and the command that removes it.

    Exit status 1 if something that still exists costs money.
    """
    deployment = _read(config_env, parameter_overrides, stack_name, region, offline=False)
    connect = aws.connect(deployment.region, profile)
    with aws_errors_as_sentences():
        deployed = find_stack(connect, deployment.stack_name)
        names = StackNames.of(deployment, deployed)
        if deployed:
            destroy.delete_stack(
                deployment.stack_name,
                deployment.region,
                profile,
                yes=yes,
                run=destroy.run,
                sam=destroy.find_sam(),
            )
        else:
            screen.print(f"There is no stack {deployment.stack_name}; looking for leftovers of it.")
    with screen.status("looking for leftovers"):
        leftovers = list(find_leftovers(names, connect))
    if json_:
        print(leftover.as_json(leftovers))
    elif leftovers:
        Console().print(leftover.as_table(leftovers))
    else:
        print("Nothing is left.")
    if leftover.keeps_costing(leftovers):
        raise typer.Exit(1)


def _read(
    config_env: str,
    overrides: list[str] | None,
    stack_name: str,
    region: str,
    *,
    offline: bool,
) -> Deployment:
    """Read the deployment that a command is about.

    Without --config-env it is the environment `default`, or the template's defaults for a stack
    given by its name alone; offline, the stack that `kennel up` runs.
    """
    env = config_env or (None if offline else DEFAULT_ENV)
    return read(env, overrides or (), stack_name=stack_name, region=region)


@contextlib.contextmanager
def aws_errors_as_sentences() -> Iterator[None]:
    """Raise AWS's errors as KennelError, with AWS's reason and what to do."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise KennelError(aws.sentence(error)) from error
