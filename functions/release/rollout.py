"""Create a model and an endpoint configuration, then create or update the endpoint.

Names are derived from the execution, and every resource has its ARN in a tag. So a second call
with the same input finds the first call's resources and returns the same result; it never uses a
resource of another execution.

SageMaker answers an update at once and takes minutes to complete it. Until then DescribeEndpoint
has the old configuration in EndpointConfigName and the new one in PendingDeploymentSummary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import error_code
from common.execution import EXECUTION_TAG, PREVIOUS_TAG, VERSION_TAG
from common.failures import EndpointBusy, ReleaseRefused
from common.live import check_config_name
from common.record import write_record
from common.registration import deregister, registration
from common.sagemaker import describe_endpoint, describe_or_none, refusal
from common.scaling import VARIANT
from common.tags import as_list, tags_of
from release.deployment import deployment_config
from release.request import ReleaseRequest, ReleaseResult, ReleaseSettings

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import (
        DescribeEndpointOutputTypeDef,
        ProductionVariantTypeDef,
    )

__all__ = ["release"]

# SageMaker's limit is an hour. An image of a few hundred MB and a model of 50 MB start within two
# minutes; a container that has not answered a ping after five will not.
STARTUP_TIMEOUT_S = 300
#: States while autoscaling changes the number of instances, or AWS maintains them.
_PASSING = frozenset({"Updating", "SystemUpdating"})


def release(
    request: ReleaseRequest,
    settings: ReleaseSettings,
    sagemaker: SageMakerClient,
    autoscaling: ApplicationAutoScalingClient,
    s3: S3Client,
) -> dict[str, Any]:
    """Start the release; SageMaker completes it.

    Parameters
    ----------
    request
        The model to release.
    settings
        The endpoint, its instances and alarms.
    sagemaker, autoscaling, s3
        boto3's clients.

    Returns
    -------
    dict
        The fields of `ReleaseResult`.

    Raises
    ------
    EndpointBusy
        Autoscaling or AWS itself changes the endpoint now: call again later.
    ReleaseRefused
        The endpoint accepts no update, or a name is used by another execution.
    LiveModelUnusable
        A failed release could not be rolled back to the live configuration.
    """
    name = request.execution.release(settings.endpoint_name)
    endpoint = describe_endpoint(sagemaker, settings.endpoint_name)
    is_started = endpoint is not None and name in _configs(endpoint)
    if endpoint is not None and not is_started:
        _check_status(endpoint)
        check_config_name(settings.endpoint_name, endpoint["EndpointConfigName"])

    result = _find(sagemaker, name, request)
    if result is None:
        scaling = registration(autoscaling, settings.endpoint_name) if endpoint else None
        write_record(s3, settings.bucket, request.execution, {"scaling": scaling})
        result = _create(sagemaker, name, request, settings, endpoint)
    if endpoint is None:
        sagemaker.create_endpoint(
            EndpointName=settings.endpoint_name,
            EndpointConfigName=name,
            Tags=as_list(request.execution.tags),
        )
    elif not is_started:
        deregister(autoscaling, settings.endpoint_name)
        _update(sagemaker, name, result.instance_count, settings, endpoint)
    return asdict(result)


def _check_status(endpoint: DescribeEndpointOutputTypeDef) -> None:
    """Raise EndpointBusy or ReleaseRefused unless the endpoint accepts an update now."""
    status = endpoint["EndpointStatus"]
    if status == "InService":
        return
    # With a pending configuration it is another release, whose smoke test this must not spoil.
    if status in _PASSING and "PendingDeploymentSummary" not in endpoint:
        raise EndpointBusy(refusal(endpoint))
    raise ReleaseRefused(refusal(endpoint))


def _update(
    sagemaker: SageMakerClient,
    name: str,
    instance_count: int,
    settings: ReleaseSettings,
    endpoint: DescribeEndpointOutputTypeDef,
) -> None:
    more: dict[str, Any] = {}  # a serverless endpoint is updated all at once, without a bake
    if settings.serverless is None:
        more = {
            # An earlier call made the configuration, and autoscaling has changed the count since.
            "RetainAllVariantProperties": instance_count != _instances(endpoint, settings),
            "DeploymentConfig": deployment_config(instance_count, settings.alarms, settings.bake_s),
        }
    try:
        sagemaker.update_endpoint(
            EndpointName=settings.endpoint_name, EndpointConfigName=name, **more
        )
    except ClientError as error:
        # Autoscaling may have started a change just before it was deregistered.
        if error_code(error) == "ValidationException":
            _check_status(sagemaker.describe_endpoint(EndpointName=settings.endpoint_name))
        raise


def _configs(endpoint: DescribeEndpointOutputTypeDef) -> set[str]:
    """Return the names of the live and the pending configuration."""
    names = {endpoint["EndpointConfigName"]}
    if pending := endpoint.get("PendingDeploymentSummary"):
        names.add(pending["EndpointConfigName"])
    return names


def _find(sagemaker: SageMakerClient, name: str, request: ReleaseRequest) -> ReleaseResult | None:
    """Find the resources that an earlier call with the same input created."""
    config = describe_or_none(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        return None
    tags = tags_of(sagemaker, config["EndpointConfigArn"])
    if tags.get(EXECUTION_TAG) != request.execution.arn:
        raise _name_conflict("endpoint configuration", name)
    variant = config["ProductionVariants"][0]
    return ReleaseResult(
        model_name=variant["ModelName"],
        config_name=name,
        previous_config_name=tags.get(PREVIOUS_TAG),
        instance_count=variant.get("InitialInstanceCount", 0),
    )


def _create(
    sagemaker: SageMakerClient,
    name: str,
    request: ReleaseRequest,
    settings: ReleaseSettings,
    endpoint: DescribeEndpointOutputTypeDef | None,
) -> ReleaseResult:
    previous = endpoint["EndpointConfigName"] if endpoint else None
    tags = request.execution.tags
    _create_model(sagemaker, name, request, settings, tags)
    tags[VERSION_TAG] = request.version
    if previous:
        tags[PREVIOUS_TAG] = previous
    count = _instances(endpoint, settings)
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[_variant(name, count, settings)],
        Tags=as_list(tags),
        **settings.vpc_and_key.with_key(),
    )
    return ReleaseResult(name, name, previous, count)


def _variant(model: str, instances: int, settings: ReleaseSettings) -> ProductionVariantTypeDef:
    if settings.serverless:
        return {
            "VariantName": VARIANT,
            "ModelName": model,
            "ServerlessConfig": settings.serverless.config,
        }
    return {
        "VariantName": VARIANT,
        "ModelName": model,
        "InstanceType": settings.instance_type,
        "InitialInstanceCount": instances,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": STARTUP_TIMEOUT_S,
    }


def _create_model(
    sagemaker: SageMakerClient,
    name: str,
    request: ReleaseRequest,
    settings: ReleaseSettings,
    tags: Mapping[str, str],
) -> None:
    # An earlier call may have failed between the model and the configuration.
    model = describe_or_none(sagemaker.describe_model, ModelName=name)
    if model is not None:
        if tags_of(sagemaker, model["ModelArn"]).get(EXECUTION_TAG) != request.execution.arn:
            raise _name_conflict("model", name)
        return
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={
            "Image": request.image,
            "ModelDataUrl": request.model_data_url,
            "Environment": {"KENNEL_SMOKE_BREED": request.smoke_breed},  # its ping waits for this
        },
        ExecutionRoleArn=settings.model_role_arn,
        EnableNetworkIsolation=settings.isolated,  # SageMaker downloads the model
        Tags=as_list(tags),
        **settings.vpc_and_key.in_vpc(),
    )


def _instances(endpoint: DescribeEndpointOutputTypeDef | None, settings: ReleaseSettings) -> int:
    """Keep the instance count that autoscaling has set, within the bounds."""
    if settings.serverless:
        return 0
    if endpoint is None:
        return settings.min_instances
    current = endpoint["ProductionVariants"][0]["CurrentInstanceCount"]
    return max(settings.min_instances, min(current, settings.max_instances))


def _name_conflict(kind: str, name: str) -> ReleaseRefused:
    return ReleaseRefused(
        f"The {kind} {name} exists and is not this execution's: start a new execution."
    )
