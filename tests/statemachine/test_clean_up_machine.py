"""The clean-up after an execution: the second state machine, and CleanUp in both."""

import json
import threading
from typing import Any

import pytest

from tests.machine import definition
from tests.stack import of_type, source, transformed
from tests.statemachine.emulated_stack import EmulatedStack
from tests.statemachine.interpreter import Machine
from tests.statemachine.task_server import raised, refused
from tests.statemachine.test_history import delays

CLEAN_UP = definition("CleanUpMachine")["States"]["CleanUp"]
THROTTLED, FAILED = CLEAN_UP["Retry"]
ENDED: dict[str, Any] = {
    "executionArn": "arn:aws:states:us-east-1:123456789012:execution:TrainAndDeploy:ended",
    "redriveCount": 2,
    "status": "ABORTED",
}
#: Functions that create what CleanUp removes.
CREATING = ("EnsureImage", "StartTuning", "StartTraining", "Release", "ApplyAutoscaling")


def test_both_machines_retry_the_clean_up_alike() -> None:
    assert definition()["States"]["CleanUp"]["Retry"] == CLEAN_UP["Retry"]


def test_throttled_clean_up_is_retried_for_minutes_and_at_different_times() -> None:
    assert "Lambda.TooManyRequestsException" in THROTTLED["ErrorEquals"]
    assert sum(delays(THROTTLED)) >= 240  # at most; half of it on average
    assert THROTTLED["JitterStrategy"] == FAILED["JitterStrategy"] == "FULL"


def test_second_round_begins_when_no_function_of_the_execution_can_run() -> None:
    machine = source()["Resources"]["CleanUpMachine"]["Properties"]
    functions = of_type(transformed(), "AWS::Lambda::Function")
    slowest = max(functions[f"{name}Function"]["Timeout"] for name in CREATING)
    assert machine["DefinitionSubstitutions"]["SettleSeconds"] > slowest


# ---------------------------------------------------------------- on the interpreter


def release(stack: EmulatedStack) -> None:
    """Release a model as the execution that has ended."""
    execution = {"Id": ENDED["executionArn"], "RedriveCount": ENDED["redriveCount"]}
    candidate = stack.invoke("PublishBundle", {})
    stack.invoke(
        "Release",
        {"execution": execution, "candidate": candidate, "image": "uri:0", "version": "v"},
    )


def assert_nothing_is_left(stack: EmulatedStack) -> None:
    endpoints = stack.account.endpoints
    assert endpoints.endpoint is None
    assert endpoints.models == endpoints.configs == {}


def test_release_of_a_redrive_is_removed_and_sagemaker_waited_for(
    machine: Machine, fresh: EmulatedStack
) -> None:
    release(fresh)
    machine.clean_up(fresh, ENDED)
    assert_nothing_is_left(fresh)
    assert fresh.calls.count("CleanUp") > 2  # more than one for each round


def test_release_that_ends_after_the_first_round_is_removed(
    machine: Machine, fresh: EmulatedStack
) -> None:
    def answer_and_release() -> tuple[int, dict[str, str], bytes]:
        release(fresh)  # Release was running when the execution was aborted
        return 200, {}, json.dumps({"status": "done", "actions": []}).encode()

    fresh.responses["CleanUp"] = [answer_and_release]
    machine.clean_up(fresh, ENDED)
    assert_nothing_is_left(fresh)


def test_throttled_clean_up_is_completed(machine: Machine, fresh: EmulatedStack) -> None:
    release(fresh)
    throttled = refused("TooManyRequestsException", "Rate Exceeded.", 429)
    fresh.responses["CleanUp"] = [throttled] * 4
    machine.clean_up(fresh, ENDED)
    assert_nothing_is_left(fresh)


def test_clean_up_that_fails_for_good_says_why(machine: Machine, fresh: EmulatedStack) -> None:
    error = raised("CleanUpFailed", "Repair it by hand.")
    fresh.responses["CleanUp"] = [error] * (1 + FAILED["MaxAttempts"])
    done = machine.wait(machine.start_clean_up(fresh, ENDED))
    assert (done["status"], done["error"]) == ("FAILED", "CleanUpFailed")
    assert "Repair it by hand." in done["cause"]


@pytest.mark.slow
def test_twenty_executions_that_fail_in_an_account_with_ten_concurrent_executions(
    machine: Machine, fresh: EmulatedStack
) -> None:
    """Ten at once, and ten more while the first ten are cleaned up."""
    fresh.concurrency, fresh.invocation_s = threading.Semaphore(10), 0.5
    no_object = 5
    first = [machine.start(fresh, no_object) for _ in range(10)]
    failed = [machine.wait(arn) for arn in first]
    more = [machine.start(fresh, no_object) for _ in range(10)]
    cleaning = [machine.start_clean_up(fresh, each) for each in failed]
    failed += [machine.wait(arn) for arn in more]
    cleaning += [machine.start_clean_up(fresh, each) for each in failed[10:]]
    assert {each["error"] for each in failed} == {"PreflightFailed"}
    assert not [each["cause"] for each in failed if "cleaning up after it failed" in each["cause"]]
    assert {machine.wait(arn)["status"] for arn in cleaning} == {"SUCCEEDED"}
