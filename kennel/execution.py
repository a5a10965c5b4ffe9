"""Start an execution of the state machine and follow it, state by state."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.console import Console

from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError
from kennel.progress import show_states

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient
    from types_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from kennel.cloud.cloud import Cloud

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 300.0  # the pretrained model is released in some 10 s, a training takes minutes


@dataclass(frozen=True)
class StateChange:
    """A state of the machine that the execution entered, or exited."""

    name: str
    exited: bool


def follow(
    url: str,
    machine: str,
    data: dict[str, Any],
    on_state: Callable[[StateChange], None],
    timeout_s: float = TIMEOUT_SECONDS,
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
        Called once for each state entered and once for each exited, in order.
    timeout_s
        Seconds after which this function gives up; the execution goes on.

    Raises
    ------
    KennelError
        With the execution's own reason, if it does not succeed.
    """
    stepfunctions: SFNClient = client("stepfunctions", url)
    arn = stepfunctions.start_execution(
        stateMachineArn=machine, name=f"offline-{uuid.uuid4()}", input=json.dumps(data)
    )["executionArn"]
    reported = 0
    started = time.monotonic()
    while True:
        execution = stepfunctions.describe_execution(executionArn=arn)
        events = _history(stepfunctions, arn)
        for event in events[reported:]:
            if "stateEnteredEventDetails" in event:
                on_state(StateChange(event["stateEnteredEventDetails"]["name"], exited=False))
            if "stateExitedEventDetails" in event:
                on_state(StateChange(event["stateExitedEventDetails"]["name"], exited=True))
        reported = len(events)
        if execution["status"] == "SUCCEEDED":
            output: dict[str, Any] = json.loads(execution["output"])
            return output
        if execution["status"] != "RUNNING":
            reason = execution.get("cause") or execution.get("error") or "no reason given"
            raise KennelError(f"the execution {execution['status'].lower()}: {reason}")
        if time.monotonic() - started > timeout_s:
            raise KennelError(f"the execution still runs after {timeout_s:.0f} s: {arn}")
        time.sleep(POLL_SECONDS)


def _history(stepfunctions: SFNClient, arn: str) -> list[HistoryEventTypeDef]:
    """Return all events so far, of all pages: a training has thousands."""
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def is_in_service(cloud: Cloud) -> bool:
    """Return whether the stack's endpoint exists and is InService."""
    sagemaker: SageMakerClient = client("sagemaker", cloud.url)
    name = cloud.stack.outputs["EndpointName"]
    try:
        return sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    except ClientError:  # there is no such endpoint
        return False


def bring_up_endpoint(cloud: Cloud, screen: Console) -> dict[str, Any]:
    """Release the pretrained model by the state machine; show each state as it runs."""
    machine = cloud.stack.outputs["StateMachineArn"]
    with show_states(screen) as show:
        return follow(
            cloud.url, machine, {}, lambda change: show(change.name, exited=change.exited)
        )
