"""Redrives of small machines, by an unchanged boto3 client to moto as the cloud starts it."""

import itertools
import json
import time
from datetime import datetime
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from kennel.cloud.cloudformation.stack import client
from kennel.cloud.moto_backend import redrive

ROLE = "arn:aws:iam::123456789012:role/tried"
WAIT_SECONDS = 60.0
NUMBERS = itertools.count()

#: Fails at its second state, unless the input of the first says go.
CHOICE: dict[str, Any] = {
    "StartAt": "First",
    "States": {
        "First": {
            "Type": "Pass",
            "Parameters": {"given.$": "$.go", "execution.$": "$$.Execution.Name"},
            "Next": "Second",
        },
        # No rule fits the first attempt: an error of the machine, which no Catch can take.
        "Second": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$$.Execution.RedriveCount", "IsPresent": True},
                        {"Variable": "$$.Execution.RedriveCount", "NumericEquals": 2},
                    ],
                    "Next": "Third",
                }
            ],
        },
        "Third": {
            "Type": "Pass",
            "Parameters": {
                "Id.$": "$$.Execution.Id",
                "Input.$": "$$.Execution.Input",
                "RedriveCount.$": "$$.Execution.RedriveCount",
                "RedriveTime.$": "$$.Execution.RedriveTime",
            },
            "End": True,
        },
    },
}
FAIL: dict[str, Any] = {
    "StartAt": "Clean",
    "States": {
        "Clean": {"Type": "Pass", "Result": {"why": "It broke."}, "Next": "Failed"},
        "Failed": {"Type": "Fail", "Error": "Broken", "CausePath": "$.why"},
    },
}
WAITING: dict[str, Any] = {
    "StartAt": "Waiting",
    "States": {"Waiting": {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}},
}
INSIDE: dict[str, Any] = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "In", "States": {"In": {"Type": "Fail", "Error": "Broken"}}}],
            "End": True,
        }
    },
}


class Machine:
    """One machine and one execution of it."""

    def __init__(self, url: str, definition: dict[str, Any], given: Any = None) -> None:
        self.client = client("stepfunctions", url)
        self.name = f"redriven-{next(NUMBERS)}"
        self.machine = self.client.create_state_machine(
            name=self.name, definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        self.arn = self.client.start_execution(
            stateMachineArn=self.machine, name=self.name, input=json.dumps(given or {})
        )["executionArn"]

    def ended(self) -> dict[str, Any]:
        until = time.monotonic() + WAIT_SECONDS
        while (found := self.described())["status"] == "RUNNING":
            assert time.monotonic() < until
            time.sleep(0.02)
        return found

    def described(self) -> dict[str, Any]:
        """Describe it, the answer held against botocore's model."""
        found: dict[str, Any] = self.client.describe_execution(executionArn=self.arn)
        model = botocore.session.get_session().get_service_model("stepfunctions")
        answer = {key: value for key, value in found.items() if key != "ResponseMetadata"}
        shape = model.operation_model("DescribeExecution").output_shape
        report = ParamValidator().validate(answer, shape)
        assert not report.has_errors(), report.generate_report()
        assert set(answer) <= set(shape.members)
        assert answer["redriveStatus"] in shape.members["redriveStatus"].enum
        return found

    def redrive(self, **more: Any) -> Any:
        return self.client.redrive_execution(executionArn=self.arn, **more)["redriveDate"]

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get_execution_history(executionArn=self.arn)[
            "events"
        ]
        return found

    def refused(self, **more: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as raised:
            self.redrive(**more)
        error = raised.value.response["Error"]
        return error["Code"], error["Message"]


def test_it_goes_on_in_the_state_that_failed_with_its_input(moto: str) -> None:
    machine = Machine(moto, CHOICE, {"go": 1})
    first = machine.ended()
    assert first["status"] == "FAILED"
    assert "No branching option" in first["cause"]
    assert (first["redriveCount"], first["redriveStatus"]) == (0, "REDRIVABLE")
    assert "redriveDate" not in first
    before = machine.events()

    date = machine.redrive()
    again = machine.ended()
    assert (again["status"], again["redriveCount"], again["redriveDate"]) == ("FAILED", 1, date)
    second = machine.redrive()
    done = machine.ended()
    assert (done["status"], done["redriveCount"]) == ("SUCCEEDED", 2)
    assert done["redriveDate"] == second > date
    assert (done["startDate"], done["input"]) == (first["startDate"], first["input"])
    assert "error" not in done
    assert "cause" not in done

    events = machine.events()
    assert events[: len(before)] == before
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    redriven = [each for each in events if each["type"] == "ExecutionRedriven"]
    assert [each["executionRedrivenEventDetails"]["redriveCount"] for each in redriven] == [1, 2]
    assert redriven[0]["previousEventId"] == before[-1]["id"]
    entered = [
        (
            each["stateEnteredEventDetails"]["name"],
            json.loads(each["stateEnteredEventDetails"]["input"]),
        )
        for each in events
        if "stateEnteredEventDetails" in each
    ]
    given = {"given": 1, "execution": machine.name}
    assert entered == [("First", {"go": 1}), *[("Second", given)] * 3, ("Third", given)]
    seen = json.loads(done["output"])
    time_of_it = datetime.fromisoformat(seen.pop("RedriveTime"))
    assert abs(time_of_it - second).total_seconds() < 0.01
    assert seen == {"Id": machine.arn, "Input": {"go": 1}, "RedriveCount": 2}


def test_a_fail_state_is_entered_again_and_fails_again(moto: str) -> None:
    machine = Machine(moto, FAIL)
    machine.ended()
    machine.redrive()
    done = machine.ended()
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "Broken", "It broke.")
    names = [
        e["stateEnteredEventDetails"]["name"]
        for e in machine.events()
        if "stateEnteredEventDetails" in e
    ]
    assert names == ["Clean", "Failed", "Failed"]


def test_an_aborted_execution_goes_on_and_can_be_aborted_again(moto: str) -> None:
    machine = Machine(moto, WAITING, {"seconds": 600})
    until = time.monotonic() + WAIT_SECONDS
    while not machine.events()[1:]:
        assert time.monotonic() < until
    assert machine.refused() == (
        "ExecutionNotRedrivable",
        "Execution is RUNNING and cannot be redriven",
    )
    for count in (0, 1):
        machine.client.stop_execution(executionArn=machine.arn)
        aborted = machine.ended()
        assert (aborted["status"], aborted["redriveCount"]) == ("ABORTED", count)
        if count == 0:
            machine.redrive()
            running = machine.described()
            assert running["status"] == "RUNNING"
            assert running["redriveStatus"] == "NOT_REDRIVABLE"
            assert "stopDate" not in running


def test_an_execution_that_timed_out_has_its_whole_time_again(moto: str) -> None:
    machine = Machine(moto, {**WAITING, "TimeoutSeconds": 1}, {"seconds": 2})
    assert machine.ended()["status"] == "TIMED_OUT"
    until = time.monotonic() + WAIT_SECONDS
    while machine.described()["redriveStatus"] != "REDRIVABLE":
        assert time.monotonic() < until
        time.sleep(0.1)
    machine.redrive()
    assert machine.described()["status"] == "RUNNING"
    assert machine.ended()["status"] == "TIMED_OUT"


def test_a_token_that_was_used_redrives_once(moto: str) -> None:
    machine = Machine(moto, FAIL)
    machine.ended()
    date = machine.redrive(clientToken="once")
    machine.ended()
    assert machine.redrive(clientToken="once") == date
    assert machine.ended()["redriveCount"] == 1
    machine.redrive(clientToken="twice")
    assert machine.ended()["redriveCount"] == 2


def test_what_cannot_be_redriven_is_refused(moto: str) -> None:
    done = Machine(moto, {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    reason = done.ended()["redriveStatusReason"]
    assert done.refused() == ("ExecutionNotRedrivable", reason)
    inside = Machine(moto, INSIDE)
    inside.ended()
    code, message = inside.refused()
    assert (code, "within Both" in message) == ("NotImplementedOffline", True)
    assert inside.ended()["redriveCount"] == 0


def test_a_full_history_is_refused(moto: str) -> None:
    class Ended:
        status = "FAILED"

        def to_history_output(self) -> dict[str, Any]:
            return {"events": [{"type": "ExecutionFailed"}] * self.count}

        def __init__(self, count: int) -> None:
            self.count = count

    assert redrive.not_redrivable(Ended(24_998)) == ""
    assert redrive.not_redrivable(Ended(24_999)) == "Execution history event limit exceeded"


def test_executions_are_listed_with_their_redrives(moto: str) -> None:
    machine = Machine(moto, FAIL)
    machine.ended()

    def listed(**more: Any) -> list[int]:
        page = machine.client.list_executions(stateMachineArn=machine.machine, **more)
        return [each["redriveCount"] for each in page["executions"]]

    assert listed() == listed(redriveFilter="NOT_REDRIVEN") == [0]
    assert listed(redriveFilter="REDRIVEN") == []
    machine.redrive()
    machine.ended()
    assert listed() == listed(redriveFilter="REDRIVEN") == [1]
