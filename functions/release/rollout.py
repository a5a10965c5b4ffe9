"""A release: a model and an endpoint configuration, then the endpoint created or moved to them.

Names follow from the execution and the bundle, and what creates them carries the execution in a
tag. So a second call with the same input finds what the first has made, and gives its result; it
never takes over what somebody else has made.

SageMaker answers an update at once and works on it for minutes. Until it is done, DescribeEndpoint
gives the old configuration as EndpointConfigName and the new one in PendingDeploymentSummary.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from common.aws import code_of
from common.failure import ReleaseRefused
from common.scaling import VARIANT, scalable_target
from release.clients import AutoScaling, SageMaker
from release.order import Order, Released, Settings

__all__ = ["release"]

EXECUTION_TAG = "kennel:execution"
PREVIOUS_TAG = "kennel:previous-config"

# SageMaker's own limit is an hour. An image of a few hundred MB and a model of 50 MB start within
# two minutes; a container that has not answered a ping by then never will.
STARTUP_TIMEOUT_S = 300


def release(
    order: Order, settings: Settings, sagemaker: SageMaker, autoscaling: AutoScaling
) -> dict[str, Any]:
    """Start the release; SageMaker finishes it.

    Parameters
    ----------
    order
        What to release.
    settings
        On what, and under which name.
    sagemaker, autoscaling
        boto3's clients, or a test's.

    Returns
    -------
    dict
        The fields of `Released`.

    Raises
    ------
    ReleaseRefused
        The endpoint is neither absent nor InService, or a name is taken by somebody else.
    """
    name = order.name(settings.endpoint_name)
    endpoint = _describe_endpoint(sagemaker, settings.endpoint_name)
    underway = endpoint is not None and name in _configs(endpoint)
    if endpoint is not None and not underway and endpoint["EndpointStatus"] != "InService":
        raise ReleaseRefused(_why_not(endpoint))

    released = _find(sagemaker, name, order)
    if released is None:
        released = _create(sagemaker, name, order, settings, endpoint)
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=settings.endpoint_name, EndpointConfigName=name)
    elif not underway:
        _deregister(autoscaling, settings.endpoint_name)
        sagemaker.update_endpoint(EndpointName=settings.endpoint_name, EndpointConfigName=name)
    return asdict(released)


def _describe_endpoint(sagemaker: SageMaker, endpoint_name: str) -> dict[str, Any] | None:
    try:
        return sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as error:
        # SageMaker has no code of its own for what is not there; botocore's waiter for a deleted
        # endpoint takes a ValidationException for the same.
        if code_of(error) != "ValidationException":
            raise
        return None


def _configs(endpoint: Mapping[str, Any]) -> set[str | None]:
    pending = endpoint.get("PendingDeploymentSummary", {})
    return {endpoint["EndpointConfigName"], pending.get("EndpointConfigName")}


def _why_not(endpoint: Mapping[str, Any]) -> str:
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    reason = f" ({endpoint['FailureReason']})" if endpoint.get("FailureReason") else ""
    remedy = (
        "delete it and start again"
        if status in {"Failed", "OutOfService", "UpdateRollbackFailed"}
        else "start again when it is InService"
    )
    return f"The endpoint {name} is {status}{reason} and takes no new model: {remedy}."


def _find(sagemaker: SageMaker, name: str, order: Order) -> Released | None:
    """Find what an earlier call with the same input has made."""
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        return None
    tags = _tags(sagemaker, config["EndpointConfigArn"])
    if tags.get(EXECUTION_TAG) != order.execution_arn:
        raise _taken("endpoint configuration", name)
    variant = config["ProductionVariants"][0]
    return Released(
        model_name=variant["ModelName"],
        config_name=name,
        previous_config_name=tags.get(PREVIOUS_TAG),
        instance_count=variant["InitialInstanceCount"],
    )


def _create(
    sagemaker: SageMaker,
    name: str,
    order: Order,
    settings: Settings,
    endpoint: Mapping[str, Any] | None,
) -> Released:
    previous = endpoint["EndpointConfigName"] if endpoint else None
    tags = {EXECUTION_TAG: order.execution_arn}
    _create_model(sagemaker, name, order, settings, tags)
    if previous:
        tags[PREVIOUS_TAG] = previous
    count = _instances(endpoint, settings)
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": VARIANT,
                "ModelName": name,
                "InstanceType": settings.instance_type,
                "InitialInstanceCount": count,
                "InitialVariantWeight": 1.0,
                "ContainerStartupHealthCheckTimeoutInSeconds": STARTUP_TIMEOUT_S,
            }
        ],
        Tags=_as_list(tags),
    )
    return Released(name, name, previous, count)


def _create_model(
    sagemaker: SageMaker, name: str, order: Order, settings: Settings, tags: Mapping[str, str]
) -> None:
    try:  # an earlier call may have ended between the model and the configuration
        model = sagemaker.describe_model(ModelName=name)
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
    else:
        if _tags(sagemaker, model["ModelArn"]).get(EXECUTION_TAG) != order.execution_arn:
            raise _taken("model", name)
        return
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": settings.image, "ModelDataUrl": order.model_data_url},
        ExecutionRoleArn=settings.model_role_arn,
        EnableNetworkIsolation=True,  # SageMaker brings the model; the container calls nobody
        Tags=_as_list(tags),
    )


def _instances(endpoint: Mapping[str, Any] | None, settings: Settings) -> int:
    """Keep the instances that autoscaling has come to; an update starts from this count."""
    if endpoint is None:
        return settings.min_instances
    current: int = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    return max(settings.min_instances, min(current, settings.max_instances))


def _deregister(autoscaling: AutoScaling, endpoint_name: str) -> None:
    """Take the registration away, since updates trip over it; ApplyAutoscaling restores it."""
    target = scalable_target(endpoint_name)
    found = autoscaling.describe_scalable_targets(
        ServiceNamespace=target["ServiceNamespace"],
        ResourceIds=[target["ResourceId"]],
        ScalableDimension=target["ScalableDimension"],
    )
    if found["ScalableTargets"]:
        autoscaling.deregister_scalable_target(**target)


def _tags(sagemaker: SageMaker, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _taken(kind: str, name: str) -> ReleaseRefused:
    return ReleaseRefused(
        f"The {kind} {name} exists and is not this execution's: start a new execution."
    )
