"""The endpoint's production variant and its autoscaling settings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, TypedDict

from common.environment import Environment
from common.office_hours import OfficeHours

__all__ = [
    "METRICS",
    "VARIANT",
    "ScalableTarget",
    "ScalingSettings",
    "policy_name",
    "scalable_target",
]

VARIANT = "AllTraffic"  # SageMaker's default name for the only production variant

#: ScalingMetric -> AWS's predefined metric. The first is evaluated each minute, the second every
#: ten seconds, so that it scales out minutes earlier.
METRICS: dict[
    str,
    Literal[
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ],
] = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


class ScalableTarget(TypedDict):
    """The three arguments that identify the variant's instance count in every call."""

    ServiceNamespace: Literal["sagemaker"]
    ResourceId: str
    ScalableDimension: Literal["sagemaker:variant:DesiredInstanceCount"]


@dataclass(frozen=True, slots=True)
class ScalingSettings:
    """Template parameters about autoscaling."""

    min_instances: int  # MIN_INSTANCES
    max_instances: int  # MAX_INSTANCES
    metric: str  # SCALING_METRIC: a key of METRICS
    target_invocations: int  # TARGET_INVOCATIONS: per minute and instance
    target_concurrency: int  # TARGET_CONCURRENCY: concurrent requests per instance
    scale_in_cooldown_s: int  # SCALE_IN_COOLDOWN
    scale_out_cooldown_s: int  # SCALE_OUT_COOLDOWN
    office_hours: OfficeHours | None = None

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(
            min_instances=environment.integer("MIN_INSTANCES"),
            max_instances=environment.integer("MAX_INSTANCES"),
            metric=environment.one_of("SCALING_METRIC", *METRICS),
            target_invocations=environment.integer("TARGET_INVOCATIONS"),
            target_concurrency=environment.integer("TARGET_CONCURRENCY"),
            scale_in_cooldown_s=environment.integer("SCALE_IN_COOLDOWN"),
            scale_out_cooldown_s=environment.integer("SCALE_OUT_COOLDOWN"),
            office_hours=OfficeHours.from_environment(environment),
        )

    @property
    def target(self) -> int:
        """Target value of the chosen metric."""
        return self.target_invocations if self.metric == "invocations" else self.target_concurrency

    def minimum(self, now: datetime) -> int:
        """Return the minimum number of instances at a time."""
        if self.office_hours and self.office_hours.are_on(now):
            return self.office_hours.min_instances
        return self.min_instances


def policy_name(endpoint_name: str) -> str:
    """Return the policy's name; the same for both metrics, so that one replaces the other."""
    return f"{endpoint_name}-target-tracking"


def scalable_target(endpoint_name: str) -> ScalableTarget:
    """Identify the scalable target of the endpoint's variant."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
