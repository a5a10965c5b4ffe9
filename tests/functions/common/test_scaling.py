from dataclasses import replace

import pytest

from common.environment import BadEnvironment, Environment
from common.office_hours import OfficeHours
from common.scaling import METRICS, ScalingSettings, policy_name, scalable_target
from tests.functions.scaling import SCALING

VARIABLES = {
    "MIN_INSTANCES": "1",
    "MAX_INSTANCES": "5",
    "SCALING_METRIC": "invocations",
    "TARGET_INVOCATIONS": "600",
    "TARGET_CONCURRENCY": "4",
    "SCALE_IN_COOLDOWN": "30",
    "SCALE_OUT_COOLDOWN": "31",
    "OFFICE_HOURS": "",
    "OFFICE_HOURS_TIMEZONE": "UTC",
    "OFFICE_HOURS_MIN_INSTANCES": "2",
}


def test_each_variable_reaches_its_setting() -> None:
    expected = replace(SCALING, scale_out_cooldown_s=31)
    assert ScalingSettings.from_environment(Environment(VARIABLES)) == expected
    hours = Environment({**VARIABLES, "OFFICE_HOURS": "SUN 08:00-09:00"})
    expected = replace(expected, office_hours=OfficeHours(("SUN",), "08:00", "09:00", "UTC", 2))
    assert ScalingSettings.from_environment(hours) == expected


def test_unknown_metric() -> None:
    with pytest.raises(BadEnvironment, match="SCALING_METRIC is 'cpu', expected invocations or co"):
        ScalingSettings.from_environment(Environment({**VARIABLES, "SCALING_METRIC": "cpu"}))


def test_each_metric_has_its_target() -> None:
    assert {name: replace(SCALING, metric=name).target for name in METRICS} == {
        "invocations": 600,
        "concurrency": 4,
    }


def test_autoscaling_knows_the_variant_by_three_names() -> None:
    assert scalable_target("kennel") == {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/kennel/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    assert policy_name("kennel") == "kennel-target-tracking"
