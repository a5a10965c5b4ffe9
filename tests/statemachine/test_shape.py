"""The state machines' shape: every state reachable, every task bounded, every failure caught."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import DEFINITIONS, SUBSTITUTIONS, definition
from tests.stack import of_type, transformed

LAMBDA_RETRIES = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}

STATES = definition()["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
#: Tasks whose failure does not fail the execution, or not for the first time.
OTHER_CATCHES: dict[str, dict[str, Any]] = {
    "CleanUp": {"ResultPath": "$.cleanup", "Next": "ReasonOfCleanUp"},
    "FindFailedTrial": {"ResultPath": None, "Next": "WhyTuningFailed"},
    "NotifyOfRelease": {"ResultPath": None, "Next": "Done"},
    "NotifyOfRejection": {"ResultPath": None, "Next": "Done"},
    "NotifyOfFailure": {"ResultPath": None, "Next": "Failed"},
}


def following(state: dict[str, Any]) -> set[str]:
    branches = [*state.get("Choices", []), *state.get("Catch", []), state]
    return {each["Next"] for each in branches if "Next" in each} | (
        {state["Default"]} if "Default" in state else set()
    )


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_every_state_can_be_reached(machine: str) -> None:
    states = definition(machine)["States"]
    reached: set[str] = set()
    waiting = {definition(machine)["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= following(states[name]) - reached
    assert reached == set(states)


def test_execution_ends_in_done_or_failed() -> None:
    ends = {name for name, state in STATES.items() if not following(state)}
    assert {name: STATES[name]["Type"] for name in ends} == {"Done": "Succeed", "Failed": "Fail"}


@pytest.mark.parametrize("name", TASKS)
def test_task_is_bounded_and_its_failure_is_caught(name: str) -> None:
    task = TASKS[name]
    assert 0 < task["TimeoutSeconds"] <= 330
    catch = OTHER_CATCHES.get(name, {"ResultPath": "$.failure", "Next": "ReadReason"})
    assert task["Catch"] == [{"ErrorEquals": ["States.ALL"], **catch}]


def test_every_failure_leads_to_clean_up_and_notification() -> None:
    reasons = {name for name in STATES if name.startswith(("ReasonOf", "StatusOf"))}
    assert {STATES[name]["Next"] for name in reasons - {"ReasonOfCleanUp"}} == {"CleanUp"}
    assert [name for name, state in STATES.items() if "Failed" in following(state)] == [
        "NotifyOfFailure"
    ]


def test_states_before_release_do_not_change_the_endpoint() -> None:
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
def test_only_transient_errors_are_retried(name: str) -> None:
    task = TASKS[name]
    retry, *others = task["Retry"]
    if task["Resource"].endswith("lambda:invoke"):
        assert set(retry["ErrorEquals"]) == LAMBDA_RETRIES  # not what a function itself raises
    else:
        assert set(retry["ErrorEquals"]) == {"States.TaskFailed", "States.Timeout"}
    assert retry["MaxAttempts"] <= (8 if name == "CleanUp" else 5)
    assert retry["BackoffRate"] == 2.0
    # CleanUp is the last resort, so it is also retried after an error of its function. Release
    # waits while something else changes the endpoint.
    also = {"CleanUp": [["States.ALL"]], "Release": [["EndpointBusy"]]}
    assert [each["ErrorEquals"] for each in others] == also.get(name, [])


def test_release_waits_an_hour_for_an_endpoint_that_is_being_changed() -> None:
    wait = TASKS["Release"]["Retry"][1]
    machine = of_type(transformed(), "AWS::StepFunctions::StateMachine")["TrainAndDeploy"]
    seconds = machine["DefinitionSubstitutions"]["BusySeconds"]
    assert (seconds * wait["MaxAttempts"], wait["BackoffRate"]) == (3600, 1.0)


@pytest.mark.parametrize("name", [name for name in TASKS if "FunctionName" in str(TASKS[name])])
def test_task_has_a_longer_time_out_than_its_function(name: str) -> None:
    function = TASKS[name]["Parameters"]["FunctionName"].rpartition(":")[2]
    properties = of_type(transformed(), "AWS::Lambda::Function")[f"{function}Function"]
    assert TASKS[name]["TimeoutSeconds"] > properties["Timeout"]


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_template_has_every_substitution_of_the_definition(machine: str) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", DEFINITIONS[machine].read_text()))
    declared = of_type(transformed(), "AWS::StepFunctions::StateMachine")[machine]
    assert set(declared["DefinitionSubstitutions"]) == used <= set(SUBSTITUTIONS)


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_statelint_finds_nothing(tmp_path: Path, machine: str) -> None:
    pytest.importorskip("statelint", reason="statelint is not installed")
    (tmp_path / "machine.json").write_text(json.dumps(definition(machine)))
    done = subprocess.run(
        [sys.executable, "-m", "statelint", tmp_path / "machine.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
