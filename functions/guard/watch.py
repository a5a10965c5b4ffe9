"""An endpoint that nobody calls costs as much as a busy one.

    idle for N hours        a warning, once
    idle for 2 N hours      scaled in to the minimum, or deleted, as the parameter says

Nothing is remembered between looks: SageMaker's own metric says when it was last called. Target
tracking does not scale in without a metric, and without calls there is none, so that an endpoint
whose clients have all gone keeps its instances for good.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.registration import deregister
from common.sagemaker import describe_endpoint
from common.scaling import VARIANT

__all__ = ["LOOK_EVERY_H", "Clients", "Settings", "guard"]

LOOK_EVERY_H = 1  # of the schedule in template.yaml
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of GuardFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    idle_hours: int  # IDLE_HOURS: N above
    action: str  # IDLE_ACTION: warn, scale-in or delete
    min_instances: int  # MIN_INSTANCES
    topic_arn: str  # TOPIC_ARN


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's; the calls of each are those of GuardRole in the template."""

    sagemaker: Any
    autoscaling: Any
    cloudwatch: Any
    sns: Any


def guard(settings: Settings, clients: Clients, now: datetime) -> dict[str, Any]:
    """Look once, and warn or act.

    Returns
    -------
    dict
        idle_hours since the last call or change, None without an endpoint; did: nothing, warned,
        scaled in or deleted.
    """
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return {"idle_hours": None, "did": "nothing"}
    idle = _idle_hours(endpoint, settings, clients, now)
    did = "nothing"
    if idle >= 2 * settings.idle_hours and settings.action != "warn":
        did = _act(endpoint, settings, clients)
    elif settings.idle_hours <= idle < settings.idle_hours + LOOK_EVERY_H:
        did = "warned"
    if did != "nothing":
        clients.sns.publish(
            TopicArn=settings.topic_arn,
            Subject=f"Kennel: nobody calls {settings.endpoint_name}",
            Message=_message(settings, idle, did),
        )
    return {"idle_hours": round(idle, 1), "did": did}


def _idle_hours(
    endpoint: dict[str, Any], settings: Settings, clients: Clients, now: datetime
) -> float:
    """Hours since the last call, or since the endpoint became what it is."""
    points = clients.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": settings.endpoint_name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        StartTime=now - timedelta(hours=2 * settings.idle_hours + LOOK_EVERY_H),
        EndTime=now,
        Period=_HOUR_S,
        Statistics=["Sum"],
    )["Datapoints"]
    calls = [
        point["Timestamp"] + timedelta(seconds=_HOUR_S) for point in points if point["Sum"] > 0
    ]
    last: datetime = max([endpoint["LastModifiedTime"], *calls])
    return max(0.0, (now - last).total_seconds() / _HOUR_S)


def _act(endpoint: dict[str, Any], settings: Settings, clients: Clients) -> str:
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


def _message(settings: Settings, idle: float, did: str) -> str:
    name, action = settings.endpoint_name, settings.action
    said = f"Nobody has called the endpoint {name} for {idle:.0f} hours"
    if did == "deleted":
        return f"{said}, so it was deleted. An execution of the state machine brings it back."
    if did == "scaled in":
        return f"{said}, so it was scaled in to MinInstances, {settings.min_instances}."
    later = {
        "warn": "It goes on costing: delete the stack, or deploy with IdleAction=delete.",
        "scale-in": f"After {2 * settings.idle_hours} it is scaled in to MinInstances.",
        "delete": f"After {2 * settings.idle_hours} it is deleted.",
    }[action]
    return f"{said}. {later}"
