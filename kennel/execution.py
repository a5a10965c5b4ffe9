"""Start an execution of the state machine and follow it, or watch those that others start."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from threading import Event
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError
from kennel.progress import OnState, StateChange, show_states

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_stepfunctions.client import SFNClient
    from types_boto3_stepfunctions.type_defs import (
        DescribeExecutionOutputTypeDef,
        ExecutionListItemTypeDef,
        HistoryEventTypeDef,
    )

    from kennel.cloud.cloud import Cloud

POLL_SECONDS = 0.2
WATCH_SECONDS = 2.0  # between two looks at all executions: a look costs some 20 ms of CPU
_TITLE_CHARACTERS = 16  # of an execution's name
TIMEOUT_SECONDS = 300.0  # the pretrained model is released in some 10 s, a training takes minutes


def follow(
    url: str,
    machine: str,
    data: dict[str, Any],
    on_state: OnState,
    timeout_s: float = TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Run one execution to its end in the offline cloud at `url`; see `run_execution`."""
    return run_execution(client("stepfunctions", url), machine, data, on_state, timeout_s=timeout_s)


def run_execution(
    stepfunctions: SFNClient,
    machine: str,
    data: dict[str, Any],
    on_state: OnState,
    *,
    timeout_s: float = TIMEOUT_SECONDS,
    poll_s: float = POLL_SECONDS,
) -> dict[str, Any]:
    """Run one execution to its end; return its output.

    Parameters
    ----------
    machine
        ARN of the state machine.
    data
        The execution's input.
    on_state
        Called once for each state entered and once for each exited, in order.
    timeout_s
        Seconds after which this function gives up; the execution goes on.
    poll_s
        Seconds between two looks at it.

    Raises
    ------
    KennelError
        With the execution's own reason, if it does not succeed.
    """
    arn = stepfunctions.start_execution(
        stateMachineArn=machine, name=f"kennel-{uuid.uuid4()}", input=json.dumps(data)
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
            raise KennelError(f"the execution {execution['status'].lower()}: {_reason(execution)}")
        if time.monotonic() - started > timeout_s:
            raise KennelError(f"the execution still runs after {timeout_s:.0f} s: {arn}")
        time.sleep(poll_s)


def watch_executions(url: str, tell: Callable[[str], None], ended: Event) -> None:
    """Report the states that executions enter until the cloud ends, and those it interrupts."""
    watch = ExecutionWatch(client("stepfunctions", url))
    try:
        while not ended.wait(WATCH_SECONDS):
            # The stack may be deleted under it, or a fault be requested for one of its calls.
            with contextlib.suppress(BotoCoreError, ClientError):
                for line in watch.new_lines():
                    tell(line)
    finally:
        for execution in watch.running:
            tell(f"{execution} is interrupted: the offline cloud ends")


class ExecutionWatch:
    """Reports the progress of all executions that have not ended yet or start later.

    Parameters
    ----------
    stepfunctions
        Client of the account.
    """

    def __init__(self, stepfunctions: SFNClient) -> None:
        self._stepfunctions = stepfunctions
        self._states: dict[str, set[str]] = {}  # those reported, by the ARN of a running execution
        self._ended = {each["executionArn"] for each in self._executions() if _has_ended(each)}

    @property
    def running(self) -> list[str]:
        """The executions that had not ended at the last call of `new_lines`."""
        return [_title(arn) for arn in self._states]

    def new_lines(self) -> Iterator[str]:
        """Yield a line for each start, each state when it is entered first, and each end."""
        for execution in self._executions():
            arn = execution["executionArn"]
            if arn in self._ended:
                continue
            if arn not in self._states:
                self._states[arn] = set()
                yield f"{_title(arn)} started"
            for event in _history(self._stepfunctions, arn):
                state = event.get("stateEnteredEventDetails", {}).get("name", "")
                if state and state not in self._states[arn]:
                    self._states[arn].add(state)
                    yield f"{_title(arn)}: {state}"
            if _has_ended(execution):
                self._ended.add(arn)
                del self._states[arn]
                yield f"{_title(arn)} {self._end(arn)}"

    def _executions(self) -> list[ExecutionListItemTypeDef]:
        """Return all executions, the oldest first."""
        machines = self._stepfunctions.list_state_machines()["stateMachines"]
        pages = self._stepfunctions.get_paginator("list_executions")
        executions = [
            execution
            for machine in machines
            for page in pages.paginate(stateMachineArn=machine["stateMachineArn"])
            for execution in page["executions"]
        ]
        return sorted(executions, key=lambda execution: execution["startDate"])

    def _end(self, arn: str) -> str:
        execution = self._stepfunctions.describe_execution(executionArn=arn)
        seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
        end = f"{execution['status'].lower()} after {seconds:.0f} s"
        return end if execution["status"] == "SUCCEEDED" else f"{end}: {_reason(execution)}"


def _has_ended(execution: ExecutionListItemTypeDef) -> bool:
    return execution["status"] != "RUNNING"


def _title(arn: str) -> str:
    """Return "machine/execution", the execution's name cut short: most are UUIDs."""
    _, machine, name = arn.rsplit(":", 2)
    return f"{machine}/{name[:_TITLE_CHARACTERS]}"


def _reason(execution: DescribeExecutionOutputTypeDef) -> str:
    return execution.get("cause") or execution.get("error") or "no reason given"


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
        return follow(cloud.url, machine, {}, show)
