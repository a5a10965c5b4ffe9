"""calls.json has exactly the calls of the code, and a missing call is an error."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.iam.actions import table as actions_of_calls
from preflight.data import find_photos
from tests.functions.aws_account import BUCKET, Account
from tests.iam import recording
from tests.iam.check import CALLS, DEPENDENT
from tests.machine import DEFINITIONS, definition
from tests.stack import ROOT

FUNCTIONS = CALLS.keys() - {f"{machine}Role" for machine in DEFINITIONS}


def permissions(method: str) -> set[str]:
    """Return the permissions that a client's method may need, in lower case."""
    plain = method.replace("_", "").lower()
    rules = {name.lower(): rule for name, rule in actions_of_calls()["s3"].items()}
    rule = rules.get(plain)
    if isinstance(rule, dict) and "action" in rule:
        action = rule["action"].partition(":")[2].lower()
        # Of one version of an object or of the latest: two permissions, one call.
        return {action.replace("{version}", ""), action.replace("{version}", "version")}
    return {"invokefunction"} if method == "invoke" else {plain, plain.removesuffix("s")}


def folder(role: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", role.removesuffix("Role")).lower()


def names_in(*folders: str) -> set[str]:
    """Return the attributes in the code of some folders, and the list operations of paginators."""
    nodes = [
        node
        for each in folders
        for file in (ROOT / "functions" / each).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
    ]
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    paginated = {
        ast.literal_eval(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator"
    }
    return attributes | paginated


@pytest.mark.parametrize("role", sorted(FUNCTIONS))
def test_every_row_is_a_call_of_the_code(role: str) -> None:
    named = names_in(folder(role), "common")
    actions = {each["action"] for each in CALLS[role]}
    beside = {
        also["action"] for action in actions for also in DEPENDENT.get(action, {}).get("also", [])
    }
    called = {permission for name in named for permission in permissions(name)}
    for action in actions - beside:
        name = action.partition(":")[2].lower()
        assert {name, name.removesuffix("version")} & called, action


def tasks(states: dict[str, Any]) -> list[dict[str, Any]]:
    return [state for state in states.values() if state["Type"] == "Task"]


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_every_task_of_a_state_machine_has_its_row(machine: str) -> None:
    calls = CALLS[f"{machine}Role"]
    actions = {each["action"].lower() for each in calls}
    functions = {
        each["resource"].rpartition(":")[2]
        for each in calls
        if each["action"] == "lambda:InvokeFunction"
    }
    for state in tasks(definition(machine)["States"]):
        resource = state["Resource"].partition(":states:::")[2].removeprefix("aws-sdk:")
        if resource == "lambda:invoke":
            name = state["Parameters"]["FunctionName"].rpartition(":")[2]
            assert {f"kennel-{name}Function", f"kennel-{_dashed(name)}"} & functions, name
        elif resource == "s3:copyObject":
            assert {"s3:getobject", "s3:putobject"} <= actions
        else:
            assert resource.lower() in actions


def _dashed(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_caller_is_the_function_on_the_call_stack() -> None:
    account = Account()
    with recording.recording() as recorder:
        account.s3.list_objects_v2(Bucket=BUCKET, Prefix="data/")  # a test's own call
        assert recorder.seen == set()
        find_photos(account.s3, BUCKET)
    prefix = ("s3:prefix", "data/")
    row = ("PreflightRole", "s3:ListBucket", "arn:aws:s3:::kennel-bucket", (prefix,))
    assert recorder.seen == {row}


def test_parts_that_differ_between_runs_are_normalised() -> None:
    digest = "ab12cd34ef56ab78cd90"
    row = recording.normal(
        "R", "s3:GetObject", f"arn:aws:s3:::bare-bucket/code/{digest}/x", {"aws:Via": "y"}
    )
    assert row == (
        "R",
        "s3:GetObject",
        "arn:aws:s3:::kennel-bucket/code/0123456789abcdef0123/x",
        (),
    )
    machine = "arn:aws:states:us-east-1:123456789012:execution:"
    stop = recording.normal("R", "states:StopExecution", f"{machine}ends-TrainAndDeploy:any", {})
    assert stop[2] == f"{machine}kennel-TrainAndDeploy:0123456789abcdef0123"
    arn = "arn:aws:sns:us-east-1:123456789012:kennel-news"
    assert recording.normal("R", "sns:Publish", arn, {})[2] == arn


def test_call_that_is_not_in_the_table_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(recording.RECORD, raising=False)
    recording.settle(set(list(recording.table())[:3]))
    with pytest.raises(AssertionError, match="PageRole: s3:DeleteObject on arn:aws:s3:::x"):
        recording.settle({("PageRole", "s3:DeleteObject", "arn:aws:s3:::x", ())})


def test_recording_adds_the_row_and_keeps_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = recording.table()
    file = tmp_path / "calls.json"
    file.write_text(recording.FILE.read_text())
    row = ("PageRole", "s3:GetObject", "arn:aws:s3:::x/y", (("s3:prefix", "y"),))
    recording.write(before | {row}, file)
    assert recording.table(file) == before | {row}
    recording.write(before, file)
    assert file.read_text() == recording.FILE.read_text()
