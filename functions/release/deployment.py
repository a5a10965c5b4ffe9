"""How SageMaker moves an endpoint from one configuration to the next: blue/green, with a way back.

Both alarms of the endpoint watch the new instances while they bake; one that goes off takes the
update back. Alarms see what is asked of the endpoint, so the state machine asks it meanwhile.
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["deployment"]

# Starting instances takes minutes (3 to 8 seen), each bake its seconds twice; then SageMaker
# gives up and goes back by itself.
_LONGEST_S = 3600


def deployment(instances: int, alarms: Sequence[str], bake_s: int) -> dict[str, Any]:
    """Give DeploymentConfig for an update to so many instances.

    Parameters
    ----------
    instances
        Of the new configuration. A canary may be half of them at most, so one has none.
    bake_s
        Seconds of watching, for the canary and again for all.
    """
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": bake_s}
    if instances > 1:
        routing["Type"] = "CANARY"
        routing["CanarySize"] = {"Type": "INSTANCE_COUNT", "Value": instances // 2}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": bake_s,
            "MaximumExecutionTimeoutInSeconds": _LONGEST_S + 2 * bake_s,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }
