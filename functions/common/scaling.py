"""The endpoint's one variant, how it scales, and what Application Auto Scaling calls it."""

from dataclasses import dataclass
from typing import Self

from common.environment import Environment

__all__ = ["VARIANT", "Scaling", "scalable_target"]

VARIANT = "AllTraffic"  # SageMaker's own default name for the only production variant


@dataclass(frozen=True, slots=True)
class Scaling:
    """Template parameters about autoscaling."""

    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    target_invocations: int  # TARGET_INVOCATIONS: a minute, for each instance
    scale_in_cooldown_s: int  # SCALE_IN_COOLDOWN
    scale_out_cooldown_s: int  # SCALE_OUT_COOLDOWN

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            min_instances=environment.whole("MIN_INSTANCES"),
            max_instances=environment.whole("MAX_INSTANCES"),
            target_invocations=environment.whole("TARGET_INVOCATIONS"),
            scale_in_cooldown_s=environment.whole("SCALE_IN_COOLDOWN"),
            scale_out_cooldown_s=environment.whole("SCALE_OUT_COOLDOWN"),
        )


def scalable_target(endpoint_name: str) -> dict[str, str]:
    """Give the three arguments by which every call names the variant's instance count."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
