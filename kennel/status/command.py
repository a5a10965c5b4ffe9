"""The command `kennel status`."""

from datetime import UTC, datetime
from typing import Annotated

import httpx
import typer
from rich.console import Console

from kennel import aws, running_cloud
from kennel.aws import Connect
from kennel.aws_commands import Json, Offline, Profile, Region, aws_errors_as_sentences
from kennel.deployed import DeployedStack, find_stack
from kennel.deployment import read as read_deployment
from kennel.errors import KennelError
from kennel.planner.inputs import prices
from kennel.release_commands import ConfigEnv
from kennel.status import read, report

StackName = Annotated[
    str,
    typer.Option(
        help="Name of a stack on AWS; without it and --config-env, the running `kennel up`.",
        show_default=False,
    ),
]

_OFFLINE_STACK = "kennel"  # that `kennel up` deploys


def status(
    *,
    config_env: ConfigEnv = "",
    stack_name: StackName = "",
    region: Region = "",
    profile: Profile = "",
    offline: Offline = False,
    json_: Json = False,
) -> None:
    """Show what a stack does now: endpoint, model, executions, traffic, alarms, cost.

    `kennel status` shows the running `kennel up`, `kennel status --stack-name kennel` a stack on
    AWS, and --json gives either to a program. Nothing is changed. Traffic is that of the last hour;
    docs/runbook.md has a section for each alarm. The cost is an estimate for this month: the time
    of the instances that run now, times their price.
    """
    offline = offline or not (config_env or stack_name)
    name = stack_name or _OFFLINE_STACK
    if offline:
        connect, now = _running()
    else:
        if config_env:
            deployment = read_deployment(config_env, stack_name=stack_name, region=region)
            name, region = deployment.stack_name, deployment.region
        connect, now = aws.connect(region, profile), datetime.now(UTC)
    with aws_errors_as_sentences():
        shown = read.read(connect, name, _stack(connect, name), now, prices.read())
    if json_:
        print(report.as_json(shown))
    else:
        Console().print(report.as_table(shown, offline=offline))


def _running() -> tuple[Connect, datetime]:
    """Return clients of the running `kennel up`, and its time, which may have been moved."""
    address = running_cloud.require(
        "start it, or name a stack on AWS, such as by --stack-name kennel"
    )
    try:
        clock = address.control("GET", "clock").raise_for_status()
    except httpx.HTTPError as error:
        raise KennelError(
            f"`kennel up` (process {address.pid}) does not answer at {address.aws_url} ({error}): "
            "try again, or end it by `kennel down`"
        ) from error
    return aws.connect(offline=True), datetime.fromtimestamp(clock.json()["now"], UTC)


def _stack(connect: Connect, name: str) -> DeployedStack:
    stack = find_stack(connect, name)
    if stack is None:
        raise KennelError(f"there is no stack {name}: give the name of one by --stack-name")
    if missing := {"EndpointName", "StateMachineArn"} - set(stack.outputs):
        raise KennelError(
            f"the stack {name} is {stack.status} and has no output {', '.join(sorted(missing))}: "
            "expected a deployed stack of Kennel's template"
        )
    return stack
