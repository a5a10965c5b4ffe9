from typing import Any

import pytest

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
}


def with_endpoint() -> Account:
    account = Account()
    variant: Any = {"VariantName": "AllTraffic", "ModelName": "one", "InitialInstanceCount": 1}
    account.sagemaker.create_endpoint_config(EndpointConfigName="one", ProductionVariants=[variant])
    account.sagemaker.create_endpoint(EndpointName="kennel", EndpointConfigName="one")
    return account


def registered(account: Account, maximum: int = 5, policy: str = "kennel-target-tracking") -> None:
    names = scalable_target("kennel")
    account.autoscaling.register_scalable_target(**names, MinCapacity=1, MaxCapacity=maximum)
    account.autoscaling.put_scaling_policy(
        **names,
        PolicyName=policy,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 600.0},
    )


def test_nothing_registered() -> None:
    assert registration(Account().autoscaling, "kennel") is None


@pytest.mark.parametrize("now", ["nothing", "other"])
@pytest.mark.parametrize("former", [FORMER, None], ids=["former", "none before"])
def test_registration_becomes_exactly_what_it_was_and_stays(now: str, former: Any) -> None:
    account = with_endpoint()
    if now == "other":
        registered(account)
    restore(account.autoscaling, "kennel", former)
    assert registration(account.autoscaling, "kennel") == former
    assert restore(account.autoscaling, "kennel", former) is False  # nothing to do


def test_deregister_twice() -> None:
    account = with_endpoint()
    registered(account)
    assert deregister(account.autoscaling, "kennel") is True
    assert deregister(account.autoscaling, "kennel") is False
