"""Read the endpoint and its autoscaling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from kennel.aws import Connect, find

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_sagemaker.client import SageMakerClient


@dataclass(frozen=True)
class Endpoint:
    """The stack's endpoint.

    Attributes
    ----------
    status
        SageMaker's, such as InService; "missing" before the first release.
    instance_type, instances
        "" and 0 of a serverless endpoint.
    minimum, maximum
        Of autoscaling; None where it is not registered.
    since
        When it was created.
    """

    name: str
    status: str = "missing"
    instance_type: str = ""
    instances: int = 0
    minimum: int | None = None
    maximum: int | None = None
    since: datetime | None = None


def read_endpoint(connect: Connect, name: str) -> Endpoint:
    """Read an endpoint's status, instances and scaling limits; its status is "missing" if it is."""
    sagemaker: SageMakerClient = connect("sagemaker")
    described = find(partial(sagemaker.describe_endpoint, EndpointName=name), "ValidationException")
    if described is None:
        return Endpoint(name)
    variants = described.get("ProductionVariants", [])
    config = find(
        partial(
            sagemaker.describe_endpoint_config, EndpointConfigName=described["EndpointConfigName"]
        ),
        "ValidationException",
    )
    configured = config["ProductionVariants"] if config else []
    types = [each.get("InstanceType", "") for each in configured]
    scaling: ApplicationAutoScalingClient = connect("application-autoscaling")
    targets = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{name}/variant/{each['VariantName']}" for each in variants],
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )["ScalableTargets"]
    return Endpoint(
        name,
        described["EndpointStatus"],
        next(iter(types), ""),
        sum(each.get("CurrentInstanceCount", 0) for each in variants),
        targets[0]["MinCapacity"] if targets else None,
        targets[0]["MaxCapacity"] if targets else None,
        described["CreationTime"],
    )
