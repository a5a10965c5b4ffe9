"""An aborted execution and a deleted stack on the offline cloud.

CleanUpRule, its function, the custom resource and the emulated SageMaker are the offline cloud's;
`test_paths.py` covers the other paths with an in-memory account.
"""

from collections.abc import Iterator

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from tests.conftest import StartCloud
from tests.statemachine.offline_resources import (
    endpoint,
    models_and_configs,
    scalable_targets,
    wait_until,
)


@pytest.fixture
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    with start_cloud(stack_name="ends") as running:
        yield running


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


def test_execution_that_is_stopped_at_once_is_aborted(cloud: Cloud) -> None:
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    states.stop_execution(executionArn=arn)
    wait_until(
        lambda: states.describe_execution(executionArn=arn)["status"] == "ABORTED",
        "end of the execution",
    )
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == []


def test_stack_deleted_in_the_middle_of_a_release_leaves_nothing(cloud: Cloud) -> None:
    start_release(cloud)
    cloud.delete_stack()  # raises if the custom resource does not answer, or answers FAILED
    assert endpoint(cloud) is None
    assert models_and_configs(cloud) == []
    assert scalable_targets(cloud) == []
