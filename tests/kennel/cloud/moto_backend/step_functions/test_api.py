"""The calls of Step Functions about executions."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.kennel.cloud.moto_backend.step_functions.machines import (
    ROLE,
    WAITS,
    client,
    ended,
    machine,
)

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ARN = "arn:aws:states:us-east-1:123456789012:"


@pytest.fixture(scope="module")
def states(moto: str) -> Any:
    return client("stepfunctions", moto)


def code_of(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    assert error["Message"]
    return str(error["Code"])


def test_an_execution_without_a_name_gets_a_uuid(states: Any) -> None:
    arn = machine(states, "no-name", WAITS)
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    name = states.describe_execution(executionArn=execution)["name"]
    assert re.fullmatch(UUID, name)
    assert execution == f"{ARN}execution:no-name:{name}"
    assert states.list_executions(stateMachineArn=arn)["executions"][0]["name"] == name


def test_a_start_is_idempotent_while_the_execution_runs(states: Any) -> None:
    arn = machine(states, "idempotent", WAITS)

    def start(_number: int) -> dict[str, Any]:
        answer: dict[str, Any] = states.start_execution(
            stateMachineArn=arn, name="one", input='{"a": 1}'
        )
        answer.pop("ResponseMetadata")
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(8)))
    assert answers == [answers[0]] * 8
    assert len(states.list_executions(stateMachineArn=arn)["executions"]) == 1
    again = {"stateMachineArn": arn, "name": "one"}
    assert code_of(states.start_execution, **again, input='{"a": 2}') == "ExecutionAlreadyExists"
    assert code_of(states.start_execution, **again) == "ExecutionAlreadyExists"
    states.stop_execution(executionArn=answers[0]["executionArn"])
    assert code_of(states.start_execution, **again, input='{"a": 1}') == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    "name",
    ["two words", "tab\there", "no\u2003break", "a/b", "a:b", "what?", "[x]", 'a"b', "é\x85"],
)
def test_an_invalid_name_is_refused(states: Any, name: str) -> None:
    arn = machine(states, "names", WAITS)
    assert code_of(states.start_execution, stateMachineArn=arn, name=name) == "InvalidName"


def test_a_name_may_have_what_is_not_forbidden(states: Any) -> None:
    arn = machine(states, "names", WAITS)
    name = "Ünï-c_o.d=e+(1)!" + "x" * 64
    execution = states.start_execution(stateMachineArn=arn, name=name)["executionArn"]
    assert states.describe_execution(executionArn=execution)["name"] == name


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("start_execution", {"name": ""}, "ValidationException"),
        ("start_execution", {"name": "x" * 81}, "ValidationException"),
        ("start_execution", {"input": "{no"}, "InvalidExecutionInput"),
        (
            "start_execution",
            {"stateMachineArn": f"{ARN}stateMachine:none"},
            "StateMachineDoesNotExist",
        ),
        ("start_execution", {"stateMachineArn": "no-arn"}, "InvalidArn"),
        (
            "list_executions",
            {"stateMachineArn": f"{ARN}stateMachine:none"},
            "StateMachineDoesNotExist",
        ),
        ("list_executions", {"statusFilter": "GONE"}, "ValidationException"),
        ("list_executions", {"maxResults": 1001}, "ValidationException"),
        ("list_executions", {"nextToken": "none"}, "InvalidToken"),
        ("list_executions", {"nextToken": "WzFd"}, "InvalidToken"),
    ],
)
def test_an_invalid_request_is_refused(
    states: Any, call: str, request_: dict[str, Any], code: str
) -> None:
    request = {"stateMachineArn": machine(states, "requests", WAITS), **request_}
    assert code_of(getattr(states, call), **request) == code


@pytest.mark.parametrize(
    "call",
    [
        "stop_execution",
        "describe_execution",
        "get_execution_history",
        "describe_state_machine_for_execution",
    ],
)
@pytest.mark.parametrize(
    ("arn", "code"),
    [(f"{ARN}execution:none:none", "ExecutionDoesNotExist"), ("no-arn", "InvalidArn")],
)
def test_what_is_not_there_is_refused(states: Any, call: str, arn: str, code: str) -> None:
    assert code_of(getattr(states, call), executionArn=arn) == code


@pytest.mark.parametrize("member", [{"error": "x" * 257}, {"cause": "x" * 32769}])
def test_a_stop_with_too_long_a_reason_is_refused(states: Any, member: dict[str, str]) -> None:
    execution = states.start_execution(stateMachineArn=machine(states, "reasons", WAITS))
    arn = execution["executionArn"]
    assert code_of(states.stop_execution, executionArn=arn, **member) == "ValidationException"
    assert states.describe_execution(executionArn=arn)["status"] == "RUNNING"


def test_executions_are_listed_the_newest_first_by_status_and_in_pages(states: Any) -> None:
    arn = machine(states, "listed", WAITS)
    names = [f"run-{number}" for number in range(5)]
    for name in names:
        states.start_execution(stateMachineArn=arn, name=name)
        time.sleep(0.002)
    states.stop_execution(executionArn=f"{ARN}execution:listed:run-1")

    def listed(**more: Any) -> list[str]:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn, **more)
        return [each["name"] for page in pages for each in page["executions"]]

    # The time of one that has ended is that of its end.
    expected = ["run-1", "run-4", "run-3", "run-2", "run-0"]
    assert listed() == expected
    assert listed(PaginationConfig={"PageSize": 2}) == expected
    assert listed(statusFilter="RUNNING") == expected[1:]
    assert listed(statusFilter="ABORTED") == expected[:1]
    assert listed(statusFilter="FAILED") == []
    first = states.list_executions(stateMachineArn=arn, maxResults=1)
    assert [sorted(each) for each in first["executions"]] == [
        sorted(["executionArn", "name", "startDate", "stateMachineArn", "status", "stopDate"])
    ]
    second = states.list_executions(stateMachineArn=arn, maxResults=1, nextToken=first["nextToken"])
    assert "stopDate" not in second["executions"][0]


def test_a_page_follows_although_executions_end_meanwhile(states: Any) -> None:
    arn = machine(states, "moving", WAITS)
    for number in range(4):
        states.start_execution(stateMachineArn=arn, name=f"run-{number}")
        time.sleep(0.002)
    request = {"stateMachineArn": arn, "statusFilter": "RUNNING", "maxResults": 2}
    first = states.list_executions(**request)
    for name in ("run-2", "run-1"):  # the last of this page, the first of the next
        states.stop_execution(executionArn=f"{ARN}execution:moving:{name}")
    second = states.list_executions(**request, nextToken=first["nextToken"])
    assert [each["name"] for each in second["executions"]] == ["run-0"]
    assert "nextToken" not in second
    other = {**request, "statusFilter": "ABORTED", "nextToken": first["nextToken"]}
    assert code_of(states.list_executions, **other) == "InvalidToken"


def test_a_history_is_read_in_pages_from_either_end(states: Any) -> None:
    arn = machine(states, "history", {"Type": "Pass", "End": True})
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(states, execution)["status"] == "SUCCEEDED"

    def read(**more: Any) -> list[int]:
        pages = states.get_paginator("get_execution_history").paginate(
            executionArn=execution, **more
        )
        return [event["id"] for page in pages for event in page["events"]]

    assert read() == read(PaginationConfig={"PageSize": 1}) == [1, 2, 3, 4]
    assert read(reverseOrder=True, PaginationConfig={"PageSize": 3}) == [4, 3, 2, 1]


def test_an_execution_keeps_the_definition_that_it_started_with(states: Any) -> None:
    arn = machine(states, "updated", WAITS)
    before = states.describe_state_machine(stateMachineArn=arn)["definition"]
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    states.update_state_machine(stateMachineArn=arn, definition=before.replace("600", "900"))
    described = states.describe_state_machine_for_execution(executionArn=execution)
    assert described["definition"] == before
    assert (described["stateMachineArn"], described["name"]) == (arn, "updated")
    assert (described["roleArn"], "updateDate" in described) == (ROLE, True)


def test_a_redrive_is_refused_by_name(states: Any) -> None:
    arn = machine(states, "fails", {"Type": "Fail"})
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert ended(states, execution)["status"] == "FAILED"
    with pytest.raises(ClientError) as raised:
        states.redrive_execution(executionArn=execution)
    error = raised.value.response["Error"]
    assert error["Code"] == "NotImplementedOffline"
    assert "does not emulate states:RedriveExecution" in error["Message"]
