"""The endpoint's scaling registration: read, taken away before an update, put back after it."""

from collections.abc import Mapping
from typing import Any, Protocol

from common.scaling import scalable_target

__all__ = ["AutoScaling", "deregister", "registration", "restore"]


class AutoScaling(Protocol):
    """What is needed of boto3's `application-autoscaling` client."""

    def describe_scalable_targets(self, **request: Any) -> dict[str, Any]:
        """Find the registration."""

    def describe_scaling_policies(self, **request: Any) -> dict[str, Any]:
        """Find its policies."""

    def register_scalable_target(self, **request: Any) -> dict[str, Any]:
        """Register, or change a registration."""

    def put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        """Create, or change a policy."""

    def delete_scaling_policy(self, **request: Any) -> dict[str, Any]:
        """Delete a policy."""

    def deregister_scalable_target(self, **request: Any) -> dict[str, Any]:
        """Remove the registration and its policies."""


def registration(autoscaling: AutoScaling, endpoint_name: str) -> dict[str, Any] | None:
    """Read all that must be said to register the variant just so again; None if it is not.

    Returns
    -------
    dict
        `target` and `policies`: arguments of RegisterScalableTarget and PutScalingPolicy.
    """
    names = scalable_target(endpoint_name)
    one = {
        "ServiceNamespace": names["ServiceNamespace"],
        "ScalableDimension": names["ScalableDimension"],
    }
    targets = autoscaling.describe_scalable_targets(**one, ResourceIds=[names["ResourceId"]])
    if not targets["ScalableTargets"]:
        return None
    (target,) = targets["ScalableTargets"]
    policies = autoscaling.describe_scaling_policies(**one, ResourceId=names["ResourceId"])
    kept = ("MinCapacity", "MaxCapacity", "SuspendedState")
    configurations = (
        *("PolicyName", "PolicyType"),
        *("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"),
    )
    return {
        "target": {key: target[key] for key in kept if key in target},
        "policies": [
            {key: policy[key] for key in configurations if key in policy}
            for policy in policies["ScalingPolicies"]
        ],
    }


def restore(autoscaling: AutoScaling, endpoint_name: str, former: Mapping[str, Any] | None) -> bool:
    """Make the registration what it was; whether anything had to be changed.

    Parameters
    ----------
    former
        What `registration` has read, or None where nothing was registered.
    """
    now = registration(autoscaling, endpoint_name)
    if now == former:
        return False
    if former is None:
        return deregister(autoscaling, endpoint_name)
    names = scalable_target(endpoint_name)
    autoscaling.register_scalable_target(**names, **former["target"])
    kept = {policy["PolicyName"] for policy in former["policies"]}
    for policy in now["policies"] if now else []:
        if policy["PolicyName"] not in kept:
            autoscaling.delete_scaling_policy(**names, PolicyName=policy["PolicyName"])
    for policy in former["policies"]:
        autoscaling.put_scaling_policy(**names, **policy)
    return True


def deregister(autoscaling: AutoScaling, endpoint_name: str) -> bool:
    """Take the registration away with its policies; whether there was one."""
    names = scalable_target(endpoint_name)
    found = autoscaling.describe_scalable_targets(
        ServiceNamespace=names["ServiceNamespace"],
        ResourceIds=[names["ResourceId"]],
        ScalableDimension=names["ScalableDimension"],
    )
    if found["ScalableTargets"]:
        autoscaling.deregister_scalable_target(**names)
    return bool(found["ScalableTargets"])
