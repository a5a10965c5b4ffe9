"""Scaling settings with the template's defaults, for tests."""

from common.hosting import Serverless
from common.scaling import ScalingSettings

SERVERLESS = Serverless(memory_mb=3072, max_concurrency=5)

SCALING = ScalingSettings(
    min_instances=1,
    max_instances=5,
    metric="invocations",
    target_invocations=600,
    target_concurrency=4,
    scale_in_cooldown_s=30,
    scale_out_cooldown_s=30,
)
