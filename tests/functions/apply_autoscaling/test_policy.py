from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from moto import mock_aws

from apply_autoscaling.policy import apply, refresh, remove
from common.office_hours import OfficeHours
from common.scaling import scalable_target
from tests.functions.aws_account import Account
from tests.functions.release.test_rollout import live, register
from tests.functions.scaling import SCALING


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("application-autoscaling", region_name="us-east-1")


def registered(autoscaling: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    (target,) = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]
    (policy,) = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")[
        "ScalingPolicies"
    ]
    assert policy["PolicyName"] == "kennel-target-tracking"
    for description in (target, policy):  # moto changes these in every response, AWS does not
        for key in ("CreationTime", "PolicyARN"):
            description.pop(key, None)
    return target, policy


def test_variant_scales_from_one_to_five_with_cooldowns_of_30_s(autoscaling: Any) -> None:
    assert apply("kennel", SCALING, autoscaling) == {
        "resource_id": "endpoint/kennel/variant/AllTraffic",
        "policy_name": "kennel-target-tracking",
        "min_instances": 1,
        "max_instances": 5,
        "metric": "invocations",
        "target": 600,
        "scale_in_cooldown_s": 30,
        "scale_out_cooldown_s": 30,
    }
    target, policy = registered(autoscaling)
    assert target["ResourceId"] == "endpoint/kennel/variant/AllTraffic"
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)
    assert policy["PolicyType"] == "TargetTrackingScaling"
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        },
        "ScaleInCooldown": 30,
        "ScaleOutCooldown": 30,
    }


def test_second_call_changes_nothing_and_says_the_same(autoscaling: Any) -> None:
    first = apply("kennel", SCALING, autoscaling)
    before = registered(autoscaling)
    assert apply("kennel", SCALING, autoscaling) == first
    assert registered(autoscaling) == before


def test_new_settings_replace_the_old(autoscaling: Any) -> None:
    apply("kennel", SCALING, autoscaling)
    result = apply("kennel", replace(SCALING, max_instances=3, scale_in_cooldown_s=60), autoscaling)
    target, policy = registered(autoscaling)
    assert target["MaxCapacity"] == result["max_instances"] == 3
    assert policy["TargetTrackingScalingPolicyConfiguration"]["ScaleInCooldown"] == 60
    assert result["scale_in_cooldown_s"] == 60


def test_high_resolution_metric_takes_the_other_ones_place(autoscaling: Any) -> None:
    apply("kennel", SCALING, autoscaling)
    result = apply("kennel", replace(SCALING, metric="concurrency"), autoscaling)
    _, policy = registered(autoscaling)  # one policy, not two that pull against each other
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == result["target"] == 4
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    }


@pytest.mark.parametrize("status", ["Updating", "Failed"])
def test_refresh_leaves_an_endpoint_alone_that_is_not_in_service(status: str) -> None:
    account = live()
    assert account.endpoints.endpoint is not None
    account.endpoints.endpoint["EndpointStatus"] = status
    account.endpoints.polls_left = 9
    result = refresh("kennel", SCALING, account.autoscaling, account.sagemaker)
    assert result == {"unchanged": f"the endpoint kennel is {status}"}
    assert account.scaling.target is None


def test_refresh_applies_the_settings_to_an_endpoint_in_service() -> None:
    account, other = live(), live()
    result = refresh("kennel", SCALING, account.autoscaling, account.sagemaker)
    assert result == apply("kennel", SCALING, other.autoscaling)
    assert account.scaling.target == other.scaling.target
    assert account.scaling.target is not None


def test_refresh_without_an_endpoint() -> None:
    account = Account()
    result = refresh("kennel", SCALING, account.autoscaling, account.sagemaker)
    assert result == {"unchanged": "the endpoint kennel is missing"}


def test_a_serverless_endpoint_loses_a_former_registration_and_gets_none() -> None:
    account = live()
    register(account)
    why = {"unchanged": "the endpoint kennel is serverless and scales by itself"}
    assert remove("kennel", account.autoscaling) == why
    assert account.scaling.target is None
    assert remove("kennel", account.autoscaling) == why
    assert "RegisterScalableTarget" not in account.called()[1:]


HOURS = OfficeHours(("MON", "TUE"), "08:00", "18:00", "Europe/Berlin", min_instances=3)
MONDAY = datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=1)))  # Berlin's in winter


def actions(autoscaling: Any) -> dict[str, tuple[str, str, int]]:
    described = autoscaling.describe_scheduled_actions(**scalable_target("kennel"))
    return {
        each["ScheduledActionName"]: (
            each["Schedule"],
            each["Timezone"],
            each["ScalableTargetAction"]["MinCapacity"],
        )
        for each in described["ScheduledActions"]
    }


@pytest.mark.parametrize(("hour", "minimum"), [(7, 1), (8, 3), (18, 1)])
def test_office_hours_are_two_scheduled_actions_and_begin_with_a_release(
    autoscaling: Any, hour: int, minimum: int
) -> None:
    scaling = replace(SCALING, office_hours=HOURS)
    now = MONDAY.replace(hour=hour)
    result = apply("kennel", scaling, autoscaling, now)
    assert apply("kennel", scaling, autoscaling, now) == result
    assert actions(autoscaling) == {
        "kennel-office-hours-begin": ("cron(0 8 ? * MON,TUE *)", "Europe/Berlin", 3),
        "kennel-office-hours-end": ("cron(0 18 ? * MON,TUE *)", "Europe/Berlin", 1),
    }
    target, _ = registered(autoscaling)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (minimum, 5)
    assert result["min_instances"] == minimum


def test_office_hours_that_were_given_up_are_deleted(autoscaling: Any) -> None:
    apply("kennel", replace(SCALING, office_hours=HOURS), autoscaling)
    names = {**scalable_target("kennel"), "Timezone": "UTC"}
    by_hand = {"ScheduledActionName": "by-hand", "Schedule": "cron(0 1 ? * MON *)"}
    minimum = {"ScalableTargetAction": {"MinCapacity": 2}}
    autoscaling.put_scheduled_action(**names, **by_hand, **minimum)
    apply("kennel", SCALING, autoscaling)
    assert set(actions(autoscaling)) == {"by-hand"}
