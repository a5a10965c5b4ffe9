"""The state machine's shape: all reachable, all bounded, every failure caught."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import DEFINITION, SUBSTITUTIONS, definition
from tests.stack import of_type, transformed

LAMBDA_RETRIES = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}

STATES = definition()["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
#: Where a task's failure goes that is not the execution's: what has happened stays as it is.
OTHER_CATCHES: dict[str, dict[str, Any]] = {
    "CleanUp": {"ResultPath": "$.cleanup", "Next": "ReasonOfCleanUp"},
    "NotifyOfRelease": {"ResultPath": None, "Next": "Done"},
    "NotifyOfRejection": {"ResultPath": None, "Next": "Done"},
    "NotifyOfFailure": {"ResultPath": None, "Next": "Failed"},
}


def following(state: dict[str, Any]) -> set[str]:
    branches = [*state.get("Choices", []), *state.get("Catch", []), state]
    return {each["Next"] for each in branches if "Next" in each} | (
        {state["Default"]} if "Default" in state else set()
    )


def test_every_state_can_be_reached() -> None:
    reached: set[str] = set()
    waiting = {definition()["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= following(STATES[name]) - reached
    assert reached == set(STATES)


def test_it_ends_in_done_or_in_failed() -> None:
    ends = {name for name, state in STATES.items() if not following(state)}
    assert {name: STATES[name]["Type"] for name in ends} == {"Done": "Succeed", "Failed": "Fail"}


@pytest.mark.parametrize("name", TASKS)
def test_task_is_bounded_and_its_failure_reaches_the_person(name: str) -> None:
    task = TASKS[name]
    assert 0 < task["TimeoutSeconds"] <= 910
    way = OTHER_CATCHES.get(name, {"ResultPath": "$.failure", "Next": "ReadReason"})
    assert task["Catch"] == [{"ErrorEquals": ["States.ALL"], **way}]


def test_every_failure_is_cleaned_up_after_and_told() -> None:
    reasons = {name for name in STATES if name.startswith(("ReasonOf", "StatusOf"))}
    assert {STATES[name]["Next"] for name in reasons - {"ReasonOfCleanUp"}} == {"CleanUp"}
    assert [name for name, state in STATES.items() if "Failed" in following(state)] == [
        "NotifyOfFailure"
    ]


def test_all_before_release_leaves_the_endpoint_alone() -> None:
    """Only these functions may change it, and only Release is reached without passing Release."""
    changing = {"Release", "ApplyAutoscaling", "CleanUp"}
    reached: set[str] = set()
    waiting = {definition()["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        if name not in changing:
            waiting |= following(STATES[name]) - reached
    assert reached & changing == {"Release", "CleanUp"}


@pytest.mark.parametrize("name", TASKS)
def test_only_what_can_pass_is_retried(name: str) -> None:
    task = TASKS[name]
    (retry,) = task["Retry"]
    if task["Resource"].endswith("lambda:invoke"):
        assert set(retry["ErrorEquals"]) == LAMBDA_RETRIES  # not what a function itself raises
    else:
        assert set(retry["ErrorEquals"]) == {"States.TaskFailed", "States.Timeout"}
    assert retry["MaxAttempts"] <= 5
    assert retry["BackoffRate"] == 2.0


@pytest.mark.parametrize("name", [name for name in TASKS if "FunctionName" in str(TASKS[name])])
def test_task_outlasts_its_function(name: str) -> None:
    function = TASKS[name]["Parameters"]["FunctionName"].rpartition(":")[2]
    properties = of_type(transformed(), "AWS::Lambda::Function")[f"{function}Function"]
    assert TASKS[name]["TimeoutSeconds"] > properties["Timeout"]


def test_template_substitutes_what_the_definition_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", DEFINITION.read_text()))
    machine = of_type(transformed(), "AWS::StepFunctions::StateMachine")["TrainAndDeploy"]
    assert set(machine["DefinitionSubstitutions"]) == asked == set(SUBSTITUTIONS)


def test_statelint_has_nothing_to_say(tmp_path: Path) -> None:
    pytest.importorskip("statelint", reason="statelint is not installed")
    (tmp_path / "machine.json").write_text(json.dumps(definition()))
    done = subprocess.run(
        [sys.executable, "-m", "statelint", tmp_path / "machine.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
