"""Warn of an idle endpoint, then scale it in or delete it: it costs as much as a busy one.

    idle for N hours        one warning
    idle for 2 N hours      scaled in to the minimum, or deleted, as IdleAction says

No state is kept between checks: SageMaker's Invocations metric has the time of the last call.
Target tracking does not scale in without data, and without calls there is none, so that an endpoint
without clients would keep its instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from common.registration import deregister
from common.sagemaker import describe_endpoint
from common.scaling import VARIANT

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef
    from types_boto3_sns.client import SNSClient

__all__ = ["CHECK_EVERY_H", "Clients", "GuardSettings", "guard"]

CHECK_EVERY_H = 1  # the schedule in template.yaml
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The environment of GuardFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    idle_hours: int  # IDLE_HOURS: N above
    action: str  # IDLE_ACTION: warn, scale-in or delete
    min_instances: int  # MIN_INSTANCES
    topic_arn: str  # TOPIC_ARN


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients; GuardRole in the template allows the calls of each."""

    sagemaker: SageMakerClient
    autoscaling: ApplicationAutoScalingClient
    cloudwatch: CloudWatchClient
    sns: SNSClient


def guard(settings: GuardSettings, clients: Clients, now: datetime) -> dict[str, Any]:
    """Check the endpoint once; warn or act if it is idle.

    Returns
    -------
    dict
        idle_hours: since the last call or change, None without an endpoint; action: "nothing",
        "warned", "scaled in" or "deleted".
    """
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return {"idle_hours": None, "action": "nothing"}
    idle_hours = _idle_hours(endpoint, settings, clients, now)
    action = "nothing"
    if idle_hours >= 2 * settings.idle_hours and settings.action != "warn":
        action = _act(endpoint, settings, clients)
    elif settings.idle_hours <= idle_hours < settings.idle_hours + CHECK_EVERY_H:
        action = "warned"
    if action != "nothing":
        clients.sns.publish(
            TopicArn=settings.topic_arn,
            Subject=f"Kennel: nobody calls {settings.endpoint_name}",
            Message=_message(settings, idle_hours, action),
        )
    return {"idle_hours": round(idle_hours, 1), "action": action}


def _idle_hours(
    endpoint: DescribeEndpointOutputTypeDef,
    settings: GuardSettings,
    clients: Clients,
    now: datetime,
) -> float:
    """Return the hours since the last call or the endpoint's last change."""
    points = clients.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": settings.endpoint_name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        StartTime=now - timedelta(hours=2 * settings.idle_hours + CHECK_EVERY_H),
        EndTime=now,
        Period=_HOUR_S,
        Statistics=["Sum"],
    )["Datapoints"]
    calls = [
        point["Timestamp"] + timedelta(seconds=_HOUR_S) for point in points if point["Sum"] > 0
    ]
    last_use = max([endpoint["LastModifiedTime"], *calls])
    return max(0.0, (now - last_use).total_seconds() / _HOUR_S)


def _act(endpoint: DescribeEndpointOutputTypeDef, settings: GuardSettings, clients: Clients) -> str:
    name = settings.endpoint_name
    if settings.action == "delete":
        deregister(clients.autoscaling, name)
        clients.sagemaker.delete_endpoint(EndpointName=name)
        return "deleted"
    (variant,) = endpoint["ProductionVariants"]
    if variant["CurrentInstanceCount"] <= settings.min_instances:
        return "nothing"
    clients.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": VARIANT, "DesiredInstanceCount": settings.min_instances}
        ],
    )
    return "scaled in"


def _message(settings: GuardSettings, idle_hours: float, action: str) -> str:
    name = settings.endpoint_name
    idle = f"Nobody has called the endpoint {name} for {idle_hours:.0f} hours"
    if action == "deleted":
        return f"{idle}, so it was deleted. Start an execution of the state machine to create it."
    if action == "scaled in":
        return f"{idle}, so it was scaled in to MinInstances, {settings.min_instances}."
    next_step = {
        "warn": "It keeps costing: delete the stack, or deploy with IdleAction=delete.",
        "scale-in": f"After {2 * settings.idle_hours} it is scaled in to MinInstances.",
        "delete": f"After {2 * settings.idle_hours} it is deleted.",
    }[settings.action]
    return f"{idle}. {next_step}"
