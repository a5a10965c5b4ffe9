"""Aborted and failed executions, and a deleted stack, on the offline cloud.

CleanUpRule, its state machine, the custom resource and the emulated SageMaker are the offline
cloud's; `test_paths.py` covers the other paths with an in-memory account.
"""

import json
from collections.abc import Iterator

import pytest

from kennel.cloud.awslambda.function_config import UNRESERVED_CONCURRENCY
from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from tests.conftest import StartCloud
from tests.statemachine.offline_resources import (
    endpoint,
    models_and_configs,
    scalable_targets,
    wait_until,
)


@pytest.fixture(scope="module")
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    """A cloud in which a clean-up takes seconds: no function of these tests runs for longer."""
    with start_cloud(stack_name="ends") as running:
        states = client("stepfunctions", running.url)
        machine = running.stack.resources["CleanUpMachine"].arn
        declared = states.describe_state_machine(stateMachineArn=machine)["definition"]
        definition = json.loads(declared)
        definition["States"]["WaitForFunctions"]["Seconds"] = 2
        states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
        yield running


def clean_ups(cloud: Cloud) -> dict[str, str]:
    """Return the status of each clean-up, by the ARN of the execution that it cleaned up after."""
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.resources["CleanUpMachine"].arn
    descriptions = [
        states.describe_execution(executionArn=each["executionArn"])
        for each in states.list_executions(stateMachineArn=machine)["executions"]
    ]
    return {json.loads(each["input"])["executionArn"]: each["status"] for each in descriptions}


def start_release(cloud: Cloud) -> str:
    """Start an execution and wait until it creates the endpoint; return its ARN."""
    step_functions = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn: str = step_functions.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    wait_until(lambda: endpoint(cloud) is not None, "endpoint")
    return arn


@pytest.mark.slow
def test_aborted_first_release_leaves_nothing(cloud: Cloud) -> None:
    arn = start_release(cloud)
    client("stepfunctions", cloud.url).stop_execution(executionArn=arn)
    wait_until(
        lambda: endpoint(cloud) is None and not models_and_configs(cloud), "end of the clean-up"
    )
    assert scalable_targets(cloud) == []


@pytest.mark.slow
def test_execution_that_is_stopped_at_once_is_aborted(cloud: Cloud) -> None:
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    states.stop_execution(executionArn=arn)
    wait_until(
        lambda: states.describe_execution(executionArn=arn)["status"] == "ABORTED",
        "end of the execution",
    )
    wait_until(lambda: clean_ups(cloud).get(arn) == "SUCCEEDED", "end of the clean-up")
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == []


@pytest.mark.slow
def test_ten_executions_that_fail_at_once_are_all_cleaned_up(cloud: Cloud) -> None:
    """Twenty loops then call CleanUp, of which ten run at once."""
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arns = [
        states.start_execution(stateMachineArn=machine, input='"no object"')["executionArn"]
        for _ in range(UNRESERVED_CONCURRENCY)
    ]

    def clean() -> bool:
        return [clean_ups(cloud).get(arn) for arn in arns] == ["SUCCEEDED"] * len(arns)

    wait_until(clean, "end of every clean-up")
    ended = [states.describe_execution(executionArn=arn) for arn in arns]
    assert {each["error"] for each in ended} == {"PreflightFailed"}
    assert not [each["cause"] for each in ended if "cleaning up after it failed" in each["cause"]]


@pytest.mark.slow
def test_stack_deleted_in_the_middle_of_a_release_leaves_nothing(cloud: Cloud) -> None:
    """The last test of this cloud."""
    start_release(cloud)
    cloud.delete_stack()  # raises if the custom resource does not answer, or answers FAILED
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == []
    assert scalable_targets(cloud) == []
