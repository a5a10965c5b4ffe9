"""How things end on the offline cloud: an execution aborted, a stack deleted.

The rule, the functions behind it, the custom resource and SageMaker's stand-in are the offline
cloud's; `test_ways.py` has every other way over an account in memory.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from tests.conftest import StartCloud

LONGEST_S = 180.0


@pytest.fixture
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    with start_cloud(stack_name="ends") as running:
        yield running


def until(found: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    latest = time.monotonic() + LONGEST_S
    while not found():
        if time.monotonic() > latest:
            pytest.fail(f"after {LONGEST_S:.0f} s there is no {what}")
        time.sleep(0.2)


def releasing(cloud: Cloud) -> str:
    """Start an execution, and wait until it creates the endpoint; give its ARN."""
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn: str = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    until(lambda: endpoint(cloud) is not None, "endpoint")
    return arn


def endpoint(cloud: Cloud) -> Any:
    try:
        return client("sagemaker", cloud.url).describe_endpoint(EndpointName="kennel")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return None


def described(cloud: Cloud, arn: str) -> Any:
    return client("stepfunctions", cloud.url).describe_execution(executionArn=arn)


def made(cloud: Cloud) -> list[str]:
    sagemaker = client("sagemaker", cloud.url)
    return [
        *(each["ModelName"] for each in sagemaker.list_models()["Models"]),
        *(c["EndpointConfigName"] for c in sagemaker.list_endpoint_configs()["EndpointConfigs"]),
    ]


def targets(cloud: Cloud) -> list[Any]:
    scaling = client("application-autoscaling", cloud.url)
    found: list[Any] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]
    return found


def test_aborted_first_release_leaves_nothing(cloud: Cloud) -> None:
    arn = releasing(cloud)
    client("stepfunctions", cloud.url).stop_execution(executionArn=arn)
    until(lambda: endpoint(cloud) is None and not made(cloud), "end of the clean-up")
    assert targets(cloud) == []


def test_execution_that_is_stopped_at_once_is_aborted(cloud: Cloud) -> None:
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    states.stop_execution(executionArn=arn)
    until(lambda: described(cloud, arn)["status"] == "ABORTED", "end of the execution")
    assert endpoint(cloud) is None
    assert made(cloud) == []


def test_stack_deleted_in_the_middle_of_a_release_leaves_nothing(cloud: Cloud) -> None:
    releasing(cloud)
    cloud.delete_stack()  # raises if the custom resource does not answer, or answers FAILED
    assert endpoint(cloud) is None
    assert made(cloud) == []
    assert targets(cloud) == []
