"""Registers the endpoint's variant for autoscaling: a target tracking policy, and office hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common.office_hours import action_names
from common.registration import deregister
from common.sagemaker import describe_endpoint
from common.scaling import METRICS, ScalingSettings, policy_name, scalable_target

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_sagemaker.client import SageMakerClient

__all__ = ["apply", "refresh", "remove"]


def apply(
    endpoint_name: str,
    scaling: ScalingSettings,
    autoscaling: ApplicationAutoScalingClient,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Register the variant, put its policy and its scheduled actions; all calls are idempotent.

    Parameters
    ----------
    endpoint_name
        An endpoint that is InService.
    scaling
        Bounds, target and cooldowns.
    autoscaling
        boto3's client.
    now
        The present by default: a release within the office hours needs their minimum at once.

    Returns
    -------
    dict
        resource_id, policy_name and the settings in force.
    """
    minimum = scaling.minimum(now or datetime.now(UTC))
    target_id = scalable_target(endpoint_name)
    name = policy_name(endpoint_name)
    autoscaling.register_scalable_target(
        **target_id, MinCapacity=minimum, MaxCapacity=scaling.max_instances
    )
    autoscaling.put_scaling_policy(
        **target_id,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            # With the per-minute metric AWS scales out after three minutes above the target and in
            # after fifteen below 0.9 of it, whatever the cooldowns are.
            "TargetValue": float(scaling.target),
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRICS[scaling.metric]},
            "ScaleInCooldown": scaling.scale_in_cooldown_s,
            "ScaleOutCooldown": scaling.scale_out_cooldown_s,
        },
    )
    _schedule(endpoint_name, scaling, autoscaling)
    return {
        "resource_id": target_id["ResourceId"],
        "policy_name": name,
        "min_instances": minimum,
        "max_instances": scaling.max_instances,
        "metric": scaling.metric,
        "target": scaling.target,
        "scale_in_cooldown_s": scaling.scale_in_cooldown_s,
        "scale_out_cooldown_s": scaling.scale_out_cooldown_s,
    }


def _schedule(
    endpoint_name: str, scaling: ScalingSettings, autoscaling: ApplicationAutoScalingClient
) -> None:
    """Put the scheduled actions of the office hours; without hours delete former ones."""
    target_id = scalable_target(endpoint_name)
    if scaling.office_hours is None:
        existing = autoscaling.describe_scheduled_actions(
            **target_id, ScheduledActionNames=action_names(endpoint_name)
        )["ScheduledActions"]
        for action in existing:
            autoscaling.delete_scheduled_action(
                **target_id, ScheduledActionName=action["ScheduledActionName"]
            )
        return
    for scheduled in scaling.office_hours.actions(endpoint_name, scaling.min_instances):
        autoscaling.put_scheduled_action(
            **target_id,
            ScheduledActionName=scheduled.name,
            Schedule=scheduled.schedule,
            Timezone=scheduled.timezone,
            ScalableTargetAction=scheduled.capacity,
        )


def refresh(
    endpoint_name: str,
    scaling: ScalingSettings,
    autoscaling: ApplicationAutoScalingClient,
    sagemaker: SageMakerClient,
) -> dict[str, Any]:
    """Apply the settings to the model that stays live, if its endpoint is InService.

    A variant that is registered while another release updates it makes that update fail.

    Returns
    -------
    dict
        As from `apply`, or unchanged: why nothing was done.
    """
    endpoint = describe_endpoint(sagemaker, endpoint_name)
    status = "missing" if endpoint is None else endpoint["EndpointStatus"]
    if status != "InService":
        return {"unchanged": f"the endpoint {endpoint_name} is {status}"}
    return apply(endpoint_name, scaling, autoscaling)


def remove(endpoint_name: str, autoscaling: ApplicationAutoScalingClient) -> dict[str, Any]:
    """Remove a former registration: a serverless endpoint has no instances to scale.

    Returns
    -------
    dict
        unchanged: why nothing is registered.
    """
    deregister(autoscaling, endpoint_name)
    return {"unchanged": f"the endpoint {endpoint_name} is serverless and scales by itself"}
