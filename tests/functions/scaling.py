"""Scaling settings with the template's defaults, for tests."""

from common.scaling import ScalingSettings

SCALING = ScalingSettings(
    min_instances=1,
    max_instances=5,
    metric="invocations",
    target_invocations=600,
    target_concurrency=4,
    scale_in_cooldown_s=30,
    scale_out_cooldown_s=30,
)
