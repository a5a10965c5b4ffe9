from typing import Any

import pytest

from release.deployment import deployment_config


def routing(instances: int) -> Any:
    given = deployment_config(instances, ("kennel-errors", "kennel-latency"), 300)
    return given["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]


def test_one_instance_has_no_canary() -> None:
    assert routing(1) == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}


@pytest.mark.parametrize(("instances", "canary"), [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_canary_is_half_of_the_fleet_at_most(instances: int, canary: int) -> None:
    assert routing(instances) == {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 300,
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": canary},
    }


@pytest.mark.parametrize("instances", [1, 4])
def test_both_have_alarms_and_a_bake(instances: int) -> None:
    given = deployment_config(instances, ("kennel-errors", "kennel-latency"), 300)
    assert given["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": "kennel-errors"}, {"AlarmName": "kennel-latency"}]
    }
    policy = given["BlueGreenUpdatePolicy"]
    assert policy["TerminationWaitInSeconds"] == 300
    assert 600 <= policy["MaximumExecutionTimeoutInSeconds"] <= 28_800  # botocore's own bounds
