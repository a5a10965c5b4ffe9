"""Wait for and list the resources of an offline cloud."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client

MAX_SECONDS = 180.0


def wait_until(condition: Callable[[], bool], expected: str) -> None:
    """Wait until a condition holds; `expected` names it in the failure."""
    deadline = time.monotonic() + MAX_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"after {MAX_SECONDS:.0f} s there is no {expected}")
        time.sleep(0.2)


def endpoint(cloud: Cloud) -> Any:
    """Describe the endpoint; None if it does not exist."""
    try:
        return client("sagemaker", cloud.url).describe_endpoint(EndpointName="kennel")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return None


def models_and_configs(cloud: Cloud) -> list[str]:
    """Return the names of all models and endpoint configurations."""
    sagemaker = client("sagemaker", cloud.url)
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    return [
        *(model["ModelName"] for model in sagemaker.list_models()["Models"]),
        *(config["EndpointConfigName"] for config in configs),
    ]


def scalable_targets(cloud: Cloud) -> list[Any]:
    """Return SageMaker's scalable targets."""
    scaling = client("application-autoscaling", cloud.url)
    response = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    targets: list[Any] = response["ScalableTargets"]
    return targets
