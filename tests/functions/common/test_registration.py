import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.registration import deregister, registration, restore
from common.scaling import scalable_target
from tests.functions.aws_account import Account

FORMER = {
    "target": {"MinCapacity": 2, "MaxCapacity": 7},
    "policies": [
        {
            "PolicyName": "mine",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 12.0},
        }
    ],
    "scheduled_actions": [
        {
            "ScheduledActionName": "morning",
            "Schedule": "cron(0 8 ? * MON *)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 3},
        }
    ],
}


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("application-autoscaling", region_name="us-east-1")


def with_endpoint() -> Account:
    account = Account()
    variant: Any = {"VariantName": "AllTraffic", "ModelName": "one", "InitialInstanceCount": 1}
    account.sagemaker.create_endpoint_config(EndpointConfigName="one", ProductionVariants=[variant])
    account.sagemaker.create_endpoint(EndpointName="kennel", EndpointConfigName="one")
    return account


def registered(
    account: Account,
    maximum: int = 5,
    policy: str = "kennel-target-tracking",
    action: str = "evening",
) -> None:
    names = scalable_target("kennel")
    account.autoscaling.register_scalable_target(**names, MinCapacity=1, MaxCapacity=maximum)
    account.autoscaling.put_scaling_policy(
        **names,
        PolicyName=policy,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 600.0},
    )
    account.autoscaling.put_scheduled_action(
        **names,
        ScheduledActionName=action,
        Schedule="cron(0 20 ? * MON *)",
        Timezone="UTC",
        ScalableTargetAction={"MinCapacity": 1},
    )


def test_nothing_registered() -> None:
    assert registration(Account().autoscaling, "kennel") is None


@pytest.mark.parametrize("now", ["nothing", "other", "changed"])
@pytest.mark.parametrize("former", [FORMER, None], ids=["former", "none before"])
def test_registration_becomes_exactly_what_it_was_and_stays(now: str, former: Any) -> None:
    account = with_endpoint()
    if now == "other":
        registered(account)
    if now == "changed":
        registered(account, policy="mine", action="morning")
    restore(account.autoscaling, "kennel", former)
    assert registration(account.autoscaling, "kennel") == former
    assert restore(account.autoscaling, "kennel", former) is False  # nothing to do


def test_record_of_an_earlier_release_has_no_scheduled_actions() -> None:
    account = with_endpoint()
    former = {key: value for key, value in FORMER.items() if key != "scheduled_actions"}
    restore(account.autoscaling, "kennel", former)
    assert registration(account.autoscaling, "kennel") == {**FORMER, "scheduled_actions": []}


def test_times_of_an_action_are_kept_in_json(autoscaling: Any) -> None:
    names, bounds = scalable_target("kennel"), {"MinCapacity": 1, "MaxCapacity": 5}
    autoscaling.register_scalable_target(**names, **bounds)
    autoscaling.put_scheduled_action(
        **names,
        ScheduledActionName="once",
        Schedule="at(2030-01-01T00:00:00)",
        Timezone="UTC",
        StartTime="2029-01-01T00:00:00+00:00",
        ScalableTargetAction=bounds,
    )
    former = registration(autoscaling, "kennel")
    assert former is not None
    assert former["scheduled_actions"][0]["StartTime"] == "2029-01-01T00:00:00+00:00"
    restore(autoscaling, "kennel", None)
    restore(autoscaling, "kennel", json.loads(json.dumps(former)))
    assert registration(autoscaling, "kennel") == former


def test_deregister_twice() -> None:
    account = with_endpoint()
    registered(account)
    assert deregister(account.autoscaling, "kennel") is True
    assert deregister(account.autoscaling, "kennel") is False
