"""Registers the endpoint's variant for scaling, and says what to aim at."""

from typing import Any, Protocol

from common.scaling import METRICS, Scaling, policy_name, scalable_target

__all__ = ["apply"]


class AutoScaling(Protocol):
    """What `apply` needs of boto3's `application-autoscaling` client."""

    def register_scalable_target(self, **request: Any) -> dict[str, Any]:
        """Register, or change a registration."""

    def put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        """Create, or change a policy."""


def apply(endpoint_name: str, scaling: Scaling, autoscaling: AutoScaling) -> dict[str, Any]:
    """Make the registration and its policy what the settings say; both calls may be repeated.

    Parameters
    ----------
    endpoint_name
        An endpoint that is InService.
    scaling
        Bounds, target and cooldowns.
    autoscaling
        boto3's client, or a test's.

    Returns
    -------
    dict
        resource_id, policy_name and the settings that now hold.
    """
    target = scalable_target(endpoint_name)
    name = policy_name(endpoint_name)
    autoscaling.register_scalable_target(
        **target, MinCapacity=scaling.min_instances, MaxCapacity=scaling.max_instances
    )
    autoscaling.put_scaling_policy(
        **target,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            # By the per-minute metric AWS scales out after three minutes above the target and in
            # after fifteen below 0.9 of it, whatever the cooldowns say.
            "TargetValue": float(scaling.target),
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRICS[scaling.metric]},
            "ScaleInCooldown": scaling.scale_in_cooldown_s,
            "ScaleOutCooldown": scaling.scale_out_cooldown_s,
        },
    )
    return {
        "resource_id": target["ResourceId"],
        "policy_name": name,
        "min_instances": scaling.min_instances,
        "max_instances": scaling.max_instances,
        "metric": scaling.metric,
        "target": scaling.target,
        "scale_in_cooldown_s": scaling.scale_in_cooldown_s,
        "scale_out_cooldown_s": scaling.scale_out_cooldown_s,
    }
