"""The endpoint's one variant, how it scales, and what Application Auto Scaling calls it."""

from dataclasses import dataclass
from typing import Self

from common.environment import Environment

__all__ = ["METRICS", "VARIANT", "Scaling", "policy_name", "scalable_target"]

VARIANT = "AllTraffic"  # SageMaker's own default name for the only production variant

#: ScalingMetric -> AWS's predefined metric. The first is looked at each minute, the second each
#: ten seconds, so that it scales out minutes earlier.
METRICS = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


@dataclass(frozen=True, slots=True)
class Scaling:
    """Template parameters about autoscaling."""

    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    metric: str  # SCALING_METRIC: a key of METRICS
    target_invocations: int  # TARGET_INVOCATIONS: a minute, for each instance
    target_concurrency: int  # TARGET_CONCURRENCY: requests at once, for each instance
    scale_in_cooldown_s: int  # SCALE_IN_COOLDOWN
    scale_out_cooldown_s: int  # SCALE_OUT_COOLDOWN

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            min_instances=environment.whole("MIN_INSTANCES"),
            max_instances=environment.whole("MAX_INSTANCES"),
            metric=environment.one_of("SCALING_METRIC", *METRICS),
            target_invocations=environment.whole("TARGET_INVOCATIONS"),
            target_concurrency=environment.whole("TARGET_CONCURRENCY"),
            scale_in_cooldown_s=environment.whole("SCALE_IN_COOLDOWN"),
            scale_out_cooldown_s=environment.whole("SCALE_OUT_COOLDOWN"),
        )

    @property
    def target(self) -> int:
        """What the chosen metric aims at."""
        return self.target_invocations if self.metric == "invocations" else self.target_concurrency


def policy_name(endpoint_name: str) -> str:
    """Name the one policy; the same for both metrics, so that one takes the other's place."""
    return f"{endpoint_name}-target-tracking"


def scalable_target(endpoint_name: str) -> dict[str, str]:
    """Give the three arguments by which every call names the variant's instance count."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
