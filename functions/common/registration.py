"""The endpoint's scaling registration: read it, remove it before an update, restore it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.scaling import scalable_target

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient

__all__ = ["deregister", "registration", "restore"]

_TARGET_FIELDS = ("MinCapacity", "MaxCapacity", "SuspendedState")
_POLICY_FIELDS = (
    "PolicyName",
    "PolicyType",
    "TargetTrackingScalingPolicyConfiguration",
    "StepScalingPolicyConfiguration",
)
_ACTION_FIELDS = ("ScheduledActionName", "Schedule", "Timezone", "ScalableTargetAction")
_ACTION_TIMES = ("StartTime", "EndTime")


def registration(
    autoscaling: ApplicationAutoScalingClient, endpoint_name: str
) -> dict[str, Any] | None:
    """Read the variant's registration; None if it is not registered.

    Returns
    -------
    dict
        `target`, `policies` and `scheduled_actions`: arguments of RegisterScalableTarget,
        PutScalingPolicy and PutScheduledAction that restore the registration, as JSON has them.
    """
    target_id = scalable_target(endpoint_name)
    targets: list[Any] = autoscaling.describe_scalable_targets(
        ServiceNamespace=target_id["ServiceNamespace"],
        ResourceIds=[target_id["ResourceId"]],
        ScalableDimension=target_id["ScalableDimension"],
    )["ScalableTargets"]
    if not targets:
        return None
    (target,) = targets
    policies: list[Any] = autoscaling.describe_scaling_policies(**target_id)["ScalingPolicies"]
    actions: list[Any] = autoscaling.describe_scheduled_actions(**target_id)["ScheduledActions"]
    return {
        "target": {key: target[key] for key in _TARGET_FIELDS if key in target},
        "policies": [
            {key: policy[key] for key in _POLICY_FIELDS if key in policy} for policy in policies
        ],
        "scheduled_actions": [
            {key: action[key] for key in _ACTION_FIELDS if key in action}
            | {key: action[key].isoformat() for key in _ACTION_TIMES if key in action}
            for action in actions
        ],
    }


def restore(
    autoscaling: ApplicationAutoScalingClient,
    endpoint_name: str,
    former: Mapping[str, Any] | None,
) -> bool:
    """Restore an earlier registration; return whether anything had to be changed.

    Parameters
    ----------
    former
        Result of `registration`, or None if the variant was not registered.
    """
    if former is not None:  # an older record has no scheduled actions
        former = {"scheduled_actions": [], **former}
    current = registration(autoscaling, endpoint_name)
    if current == former:
        return False
    if former is None:
        return deregister(autoscaling, endpoint_name)
    target_id = scalable_target(endpoint_name)
    autoscaling.register_scalable_target(**target_id, **former["target"])
    former_names = {policy["PolicyName"] for policy in former["policies"]}
    for policy in current["policies"] if current else []:
        if policy["PolicyName"] not in former_names:
            autoscaling.delete_scaling_policy(**target_id, PolicyName=policy["PolicyName"])
    for policy in former["policies"]:
        autoscaling.put_scaling_policy(**target_id, **policy)
    former_actions = {action["ScheduledActionName"] for action in former["scheduled_actions"]}
    for action in current["scheduled_actions"] if current else []:
        if (name := action["ScheduledActionName"]) not in former_actions:
            autoscaling.delete_scheduled_action(**target_id, ScheduledActionName=name)
    for action in former["scheduled_actions"]:
        autoscaling.put_scheduled_action(**target_id, **action)
    return True


def deregister(autoscaling: ApplicationAutoScalingClient, endpoint_name: str) -> bool:
    """Remove the registration with all that belongs to it; return whether there was one."""
    target_id = scalable_target(endpoint_name)
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace=target_id["ServiceNamespace"],
        ResourceIds=[target_id["ResourceId"]],
        ScalableDimension=target_id["ScalableDimension"],
    )["ScalableTargets"]
    if targets:
        autoscaling.deregister_scalable_target(**target_id)
    return bool(targets)
