"""An execution ends exactly once, whatever would end it at the same time."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.models import StateMachine, StepFunctionBackend
from moto.stepfunctions.parser.api import HistoryEventType

from kennel.cloud.moto_backend.step_functions.execution import Execution
from kennel.cloud.moto_backend.step_functions.history import MAX_EVENTS
from tests.kennel.cloud.moto_backend.step_functions.machines import (
    ROLE,
    WAITS,
    client,
    ended,
    last_event,
    machine,
)

COUNT = 100
LONGEST_DELAY_S = 0.6
RACES = 12

#: It passes some quick states and waits; those after the wait are there to be parsed.
QUICK, PARSED = 5, 12
LONG = {
    "StartAt": "Pass0",
    "States": {
        **{
            f"Pass{number}": {
                "Type": "Pass",
                "Parameters": {"number": number, "given.$": "$.given"},
                "Next": "Waiting" if number == QUICK else f"Pass{number + 1}",
            }
            for number in range(PARSED)
        },
        "Waiting": {"Type": "Wait", "Seconds": 600, "Next": f"Pass{QUICK + 1}"},
        f"Pass{PARSED}": {"Type": "Succeed"},
    },
}


def test_an_execution_is_stopped_whenever_the_call_comes(moto: str) -> None:
    states = client("stepfunctions", moto)
    arn = states.create_state_machine(name="stopped", definition=json.dumps(LONG), roleArn=ROLE)

    def stopped(number: int) -> tuple[str, bool]:
        execution = states.start_execution(
            stateMachineArn=arn["stateMachineArn"], input='{"given": 1}'
        )
        time.sleep(LONGEST_DELAY_S * number / (COUNT - 1))
        stop = states.stop_execution(executionArn=execution["executionArn"])
        described = states.describe_execution(executionArn=execution["executionArn"])
        return described["status"], stop["stopDate"] == described["stopDate"]

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(stopped, range(COUNT))) == [("ABORTED", True)] * COUNT


@pytest.mark.parametrize("given", [{}, {"error": "Person"}, {"error": "Person", "cause": "No."}])
def test_error_and_cause_of_a_stop_are_kept(moto: str, given: dict[str, str]) -> None:
    states = client("stepfunctions", moto)
    arn = machine(states, f"error-and-cause-{len(given)}", WAITS)
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    states.stop_execution(executionArn=execution, **given)
    described = states.describe_execution(executionArn=execution)
    assert {name: described[name] for name in ("error", "cause") if name in described} == given
    event = last_event(states, execution)
    assert event["type"] == "ExecutionAborted"
    assert event["executionAbortedEventDetails"] == given


@pytest.fixture(scope="module")
def callback(moto: str) -> tuple[Any, str, Any, str]:
    """A machine whose task waits for its token, which it sends to a queue."""
    states, sqs = client("stepfunctions", moto), client("sqs", moto)
    queue = sqs.create_queue(QueueName="tokens")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    return states, machine(states, "callback", task), sqs, queue


def token_of(sqs: Any, queue: str) -> str:
    for _ in range(100):
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            token: str = json.loads(message["Body"])["token"]
            return token
    raise AssertionError("no token came")


@pytest.mark.parametrize(
    ("finish", "outcome", "status"),
    [
        ("send_task_failure", {"error": "Task", "cause": "It failed."}, "FAILED"),
        ("send_task_success", {"output": '{"it": "worked"}'}, "SUCCEEDED"),
    ],
)
def test_of_a_stop_and_a_task_that_end_together_one_counts(
    callback: tuple[Any, str, Any, str], finish: str, outcome: dict[str, str], status: str
) -> None:
    states, arn, sqs, queue = callback

    def finished(token: str) -> None:
        try:
            getattr(states, finish)(taskToken=token, **outcome)
        except ClientError:  # the execution has ended, and nobody waits for the token
            return

    with ThreadPoolExecutor(2) as pool:
        for number in range(RACES):
            execution = states.start_execution(stateMachineArn=arn)["executionArn"]
            token = token_of(sqs, queue)
            task = pool.submit(finished, token)
            time.sleep(0.04 * number / RACES)
            stop = states.stop_execution(executionArn=execution, error="Person", cause="No more.")
            at_once = states.describe_execution(executionArn=execution)
            task.result()
            time.sleep(0.05)  # for the interpreter, if it went on
            described = states.describe_execution(executionArn=execution)
            described.pop("ResponseMetadata")
            at_once.pop("ResponseMetadata")
            assert described == at_once
            assert described["stopDate"] == stop["stopDate"]
            reason = (described.get("error"), described.get("cause"))
            if described["status"] == "ABORTED":
                assert reason == ("Person", "No more.")
            else:
                assert described["status"] == status
                assert reason == (outcome.get("error"), outcome.get("cause"))
            kind = described["status"].title().replace("_", "")
            assert last_event(states, execution)["type"] == f"Execution{kind}"


def test_a_task_that_fails_after_the_stop_changes_nothing(
    callback: tuple[Any, str, Any, str],
) -> None:
    states, arn, sqs, queue = callback
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    token = token_of(sqs, queue)
    states.stop_execution(executionArn=execution)
    states.send_task_failure(taskToken=token, error="Task", cause="It failed.")
    time.sleep(0.2)
    described = states.describe_execution(executionArn=execution)
    assert described["status"] == "ABORTED"
    assert {"error", "cause"}.isdisjoint(described)
    assert last_event(states, execution)["type"] == "ExecutionAborted"


ENDS: list[tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]] = [
    (
        {"Type": "Succeed"},
        {},
        "SUCCEEDED",
        {"output": '{"a":1}', "outputDetails": {"truncated": False}},
    ),
    (
        {"Type": "Fail", "Error": "Mine", "Cause": "So."},
        {},
        "FAILED",
        {"error": "Mine", "cause": "So."},
    ),
    ({"Type": "Fail"}, {}, "FAILED", {}),
    (WAITS, {"TimeoutSeconds": 1}, "TIMED_OUT", {"error": "States.Timeout"}),
    (
        {
            "Type": "Parallel",
            "Branches": [{"StartAt": "S", "States": {"S": WAITS}}],
            "End": True,
        },
        {"TimeoutSeconds": 1},
        "TIMED_OUT",
        {"error": "States.Timeout"},
    ),
]


@pytest.mark.parametrize(("state", "more", "status", "details"), ENDS)
def test_an_end_is_final(
    moto: str, state: dict[str, Any], more: dict[str, Any], status: str, details: dict[str, Any]
) -> None:
    states = client("stepfunctions", moto)
    name = f"final-{ENDS.index((state, more, status, details))}"
    arn = machine(states, name, state, **more)
    execution = states.start_execution(stateMachineArn=arn, input='{"a": 1}')["executionArn"]
    before = ended(states, execution)
    stop = states.stop_execution(executionArn=execution, error="Person", cause="Too late.")
    after = states.describe_execution(executionArn=execution)
    assert after["status"] == before["status"] == status
    assert stop["stopDate"] == after["stopDate"] == before["stopDate"] >= after["startDate"]
    assert after.get("output") == details.get("output")
    # AWS shows the error of a time-out in the history alone:
    # https://github.com/floci-io/floci/issues/2733
    error = None if status == "TIMED_OUT" else details.get("error")
    assert (after.get("error"), after.get("cause")) == (error, details.get("cause"))
    events = states.get_execution_history(executionArn=execution)["events"]
    types = [event["type"] for event in events]
    last = "Execution" + status.title().replace("_", "")
    assert (types[0], types[-1]) == ("ExecutionStarted", last)
    assert events[0]["executionStartedEventDetails"]["input"] == '{"a": 1}'
    assert events[-1][f"e{last[1:]}EventDetails"] == details


@pytest.mark.parametrize("output", ['"text"', "null", "1", "[]", '{"nested":{"list":[1,null]}}'])
def test_every_json_value_is_an_output(moto: str, output: str) -> None:
    states = client("stepfunctions", moto)
    arn = machine(states, "any-output", {"Type": "Succeed"})
    execution = states.start_execution(stateMachineArn=arn, input=output)["executionArn"]
    assert ended(states, execution)["output"] == output


MANY_ITEMS = {
    "Type": "Map",
    "MaxConcurrency": 1,
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": "P",
        "States": {"P": {"Type": "Succeed"}},
    },
    "End": True,
}


def test_a_thread_of_the_interpreter_that_dies_fails_the_execution(moto: str) -> None:
    # moto calls itself for each item of an iterator, until the stack is full.
    states = client("stepfunctions", moto)
    arn = machine(states, "dies", MANY_ITEMS)
    items = json.dumps([0] * 1000)
    execution = states.start_execution(stateMachineArn=arn, input=items)["executionArn"]
    described = ended(states, execution)
    assert described["status"] == "FAILED"
    assert described["error"] == "States.Runtime"
    assert described["cause"].startswith("RecursionError: maximum recursion depth exceeded")
    event = last_event(states, execution)
    assert event["executionFailedEventDetails"]["cause"] == described["cause"]


def started(definition: str) -> Execution:
    """Start an execution in this process."""
    backend = StepFunctionBackend("us-east-1", "123456789012")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:here"
    execution = Execution(
        name="here",
        sm_type="STANDARD",
        role_arn=ROLE,
        exec_arn=arn.replace("stateMachine", "execution") + ":here",
        account_id="123456789012",
        region_name="us-east-1",
        state_machine=StateMachine(arn, "here", definition, ROLE, backend),  # type: ignore[abstract]
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        input_data="{}",
        activity_store={},
    )
    execution.start()
    return execution


def test_a_definition_that_cannot_be_parsed_fails_the_execution() -> None:
    execution = started("{}")
    latest = time.monotonic() + 10
    while execution.status == "RUNNING" and time.monotonic() < latest:
        time.sleep(0.01)
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert execution.cause
    types = [event["type"] for event in execution.history.events]
    assert types == ["ExecutionStarted", "ExecutionFailed"]


def test_a_failed_branch_that_is_caught_is_no_end(moto: str) -> None:
    states = client("stepfunctions", moto)
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Branch"}}}
    definition = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [fails],
                "Catch": [{"ErrorEquals": ["Branch"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
    }
    arn = states.create_state_machine(
        name="caught", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(states, execution)["status"] == "SUCCEEDED"
    events = states.get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in events].count("ExecutionFailed") == 0


def test_an_execution_has_as_many_events_as_aws_allows() -> None:
    execution = started(json.dumps({"StartAt": "S", "States": {"S": WAITS}}))
    context = execution.exec_worker.env.event_history_context
    for _ in range(MAX_EVENTS):
        execution.history.add_event(context, HistoryEventType.PassStateEntered)
    assert execution.status == "FAILED"
    assert execution.cause == (
        "The execution reached the maximum number of history events (25000)."
    )
    last = execution.history.events[-1]
    assert (last["type"], last["id"]) == ("ExecutionFailed", MAX_EVENTS)
