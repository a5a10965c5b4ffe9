"""Start an execution of the state machine and follow it, state by state."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.errors import KennelError

LOOK_SECONDS = 0.2
LONGEST_SECONDS = 300.0  # offline; the pretrained model is up in some 10 s, training takes minutes


@dataclass(frozen=True)
class StateSeen:
    """A state of the machine that the execution has entered; `left` when it is through."""

    name: str
    left: bool


def follow(
    url: str,
    machine: str,
    data: dict[str, Any],
    on_state: Callable[[StateSeen], None],
    longest_s: float = LONGEST_SECONDS,
) -> dict[str, Any]:
    """Run one execution to its end; return its output.

    Parameters
    ----------
    url
        AWS endpoint.
    machine
        ARN of the state machine.
    data
        The execution's input.
    on_state
        Called once for each state entered and once for each left, in order.
    longest_s
        Seconds after which it is no longer waited for; the execution goes on.

    Raises
    ------
    KennelError
        With the execution's own reason, when it does not succeed.
    """
    states = client("stepfunctions", url)
    name = f"offline-{uuid.uuid4()}"
    arn = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(data))[
        "executionArn"
    ]
    seen = 0
    started = time.monotonic()
    while True:
        execution = states.describe_execution(executionArn=arn)
        events = _history(states, arn)
        for event in events[seen:]:
            if entered := event.get("stateEnteredEventDetails"):
                on_state(StateSeen(entered["name"], left=False))
            if left := event.get("stateExitedEventDetails"):
                on_state(StateSeen(left["name"], left=True))
        seen = len(events)
        if execution["status"] == "SUCCEEDED":
            output: dict[str, Any] = json.loads(execution["output"])
            return output
        if execution["status"] != "RUNNING":
            reason = execution.get("cause") or execution.get("error") or "no reason given"
            raise KennelError(f"the execution {execution['status'].lower()}: {reason}")
        if time.monotonic() - started > longest_s:
            raise KennelError(f"the execution still runs after {longest_s:.0f} s: {arn}")
        time.sleep(LOOK_SECONDS)


def is_in_service(cloud: Cloud) -> bool:
    """Return whether the stack's endpoint serves already."""
    name = cloud.stack.outputs["EndpointName"]
    try:
        endpoint = client("sagemaker", cloud.url).describe_endpoint(EndpointName=name)
    except ClientError:  # there is none
        return False
    return bool(endpoint["EndpointStatus"] == "InService")


def _history(states: Any, arn: str) -> list[dict[str, Any]]:
    """Return all events so far: a training that is looked at each second has thousands."""
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def bring_up_endpoint(cloud: Cloud, screen: Console) -> dict[str, Any]:
    """Run the cloud's state machine on the pretrained model, showing each state as it runs."""
    columns = SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}")
    with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
        tasks: dict[str, Any] = {}

        def show(state: StateSeen) -> None:
            if state.left:
                progress.update(tasks[state.name], completed=1)
            elif state.name in tasks:  # waiting again for the endpoint
                progress.update(tasks[state.name], completed=0)
            else:
                tasks[state.name] = progress.add_task(state.name, total=1)

        return follow(cloud.url, cloud.stack.outputs["StateMachineArn"], {}, show)
