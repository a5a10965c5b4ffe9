"""A release: a model and an endpoint configuration, then the endpoint created or moved to them.

Names follow from the execution, and what is created carries its ARN in a tag. So a second call with
the same input finds what the first has made, and gives its result; it never takes over what
somebody else has made.

SageMaker answers an update at once and works on it for minutes. Until it is done, DescribeEndpoint
gives the old configuration as EndpointConfigName and the new one in PendingDeploymentSummary.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from common.execution import EXECUTION_TAG, PREVIOUS_TAG
from common.failure import ReleaseRefused
from common.record import S3, write_record
from common.registration import AutoScaling, deregister, registration
from common.sagemaker import describe_endpoint, described
from common.scaling import VARIANT
from common.tags import as_list, tags_of
from release.clients import SageMaker
from release.deployment import deployment
from release.order import Order, Released, Settings

__all__ = ["release"]

# SageMaker's own limit is an hour. An image of a few hundred MB and a model of 50 MB start within
# two minutes; a container that has not answered a ping by then never will.
STARTUP_TIMEOUT_S = 300


def release(
    order: Order, settings: Settings, sagemaker: SageMaker, autoscaling: AutoScaling, s3: S3
) -> dict[str, Any]:
    """Start the release; SageMaker finishes it.

    Parameters
    ----------
    order
        What to release.
    settings
        On what, and under which name.
    sagemaker, autoscaling, s3
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
    name = order.execution.release(settings.endpoint_name)
    endpoint = describe_endpoint(sagemaker, settings.endpoint_name)
    underway = endpoint is not None and name in _configs(endpoint)
    if endpoint is not None and not underway and endpoint["EndpointStatus"] != "InService":
        raise ReleaseRefused(_why_not(endpoint))

    released = _find(sagemaker, name, order)
    if released is None:
        scaling = registration(autoscaling, settings.endpoint_name) if endpoint else None
        write_record(s3, settings.bucket, order.execution, {"scaling": scaling})
        released = _create(sagemaker, name, order, settings, endpoint)
    if endpoint is None:
        sagemaker.create_endpoint(
            EndpointName=settings.endpoint_name,
            EndpointConfigName=name,
            Tags=as_list(order.execution.tags),
        )
    elif not underway:
        deregister(autoscaling, settings.endpoint_name)
        sagemaker.update_endpoint(
            EndpointName=settings.endpoint_name,
            EndpointConfigName=name,
            DeploymentConfig=deployment(released.instance_count, settings.alarms, settings.bake_s),
        )
    return asdict(released)


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
    config = described(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        return None
    tags = tags_of(sagemaker, config["EndpointConfigArn"])
    if tags.get(EXECUTION_TAG) != order.execution.arn:
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
    tags = order.execution.tags
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
        Tags=as_list(tags),
    )
    return Released(name, name, previous, count)


def _create_model(
    sagemaker: SageMaker, name: str, order: Order, settings: Settings, tags: Mapping[str, str]
) -> None:
    # An earlier call may have ended between the model and the configuration.
    model = described(sagemaker.describe_model, ModelName=name)
    if model is not None:
        if tags_of(sagemaker, model["ModelArn"]).get(EXECUTION_TAG) != order.execution.arn:
            raise _taken("model", name)
        return
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": order.image, "ModelDataUrl": order.model_data_url},
        ExecutionRoleArn=settings.model_role_arn,
        EnableNetworkIsolation=settings.isolated,  # SageMaker brings the model
        Tags=as_list(tags),
    )


def _instances(endpoint: Mapping[str, Any] | None, settings: Settings) -> int:
    """Keep the instances that autoscaling has come to; an update starts from this count."""
    if endpoint is None:
        return settings.min_instances
    current: int = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    return max(settings.min_instances, min(current, settings.max_instances))


def _taken(kind: str, name: str) -> ReleaseRefused:
    return ReleaseRefused(
        f"The {kind} {name} exists and is not this execution's: start a new execution."
    )
