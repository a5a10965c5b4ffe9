"""DeploymentConfig of an endpoint update: blue/green, with automatic rollback.

Both alarms of the endpoint watch the new instances during the bake; either one rolls the update
back. Alarms need traffic, so the state machine sends test invocations in the meantime.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        DeploymentConfigTypeDef,
        TrafficRoutingConfigTypeDef,
    )

__all__ = ["deployment_config"]

# Seconds for starting instances, on top of the bakes; then SageMaker rolls back by itself.
_STARTUP_S = 3600


def deployment_config(
    instances: int, alarms: Sequence[str], bake_s: int
) -> DeploymentConfigTypeDef:
    """Build the DeploymentConfig of an update.

    Parameters
    ----------
    instances
        Of the new configuration. A canary may be half of them at most, so one instance has none.
    bake_s
        Seconds that alarms are watched, for the canary and again for all instances.
    """
    routing: TrafficRoutingConfigTypeDef = {
        "Type": "ALL_AT_ONCE",
        "WaitIntervalInSeconds": bake_s,
    }
    if instances > 1:
        routing["Type"] = "CANARY"
        routing["CanarySize"] = {"Type": "INSTANCE_COUNT", "Value": instances // 2}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": bake_s,
            "MaximumExecutionTimeoutInSeconds": _STARTUP_S + 2 * bake_s,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }
