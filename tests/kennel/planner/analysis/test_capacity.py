"""The limit that binds is the lowest in requests a second, and has its parameter's name."""

from dataclasses import replace
from typing import Any

import pytest

from kennel.planner.analysis import capacity
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.settings import PlanSettings

# Executions of 100 ms, of which the endpoint has 20: 5 of them make 50 a second; 5 instances of 2
# workers serve 500.
SETTINGS = PlanSettings(work=constant(0.08), service=constant(0.02), quota=10**9, rate=1000.0)


@pytest.mark.parametrize(
    ("changed", "binding", "rate"),
    [
        ({}, "ReservedConcurrency", 50),
        ({"rate": 20.0}, "RateLimit", 20),
        ({"quota": 86_400}, "DailyQuota", 1),
        ({"reserved": 90}, "MaxInstances", 500),
        ({"reserved": 90, "maximum": 1}, "MaxInstances", 100),
        ({"reserved": 0, "account_concurrency": 10}, capacity.ACCOUNT, 100),
    ],
)
def test_the_lowest_limit_binds(changed: dict[str, Any], binding: str, rate: float) -> None:
    settings = replace(SETTINGS, **changed)
    lowest = capacity.limits(settings)[0]
    assert lowest.parameter == binding
    assert lowest.rate == pytest.approx(rate)
    sentence = capacity.sentence(settings)
    assert sentence.startswith(f"Capacity: {rate} requests a second")
    assert f"bound by {binding}" in sentence
    assert len(set(sentence.split()) & {"DailyQuota", "RateLimit", "MaxInstances"}) == 3


def test_a_daily_quota_is_a_mean_beside_the_limit_of_a_second() -> None:
    assert (
        "1 requests a second over a whole day, bound by DailyQuota (86,400 a day); until it is "
        in (capacity.sentence(replace(SETTINGS, quota=86_400)))
    )
