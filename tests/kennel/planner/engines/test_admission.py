"""Admission: the daily quota and the token bucket from bin to bin."""

from dataclasses import replace

import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import ANSWERED, LIMITED, OVER_QUOTA
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY, constant

SETTINGS = PlanSettings(quota=1000, rate=200.0, burst=200, reserved=50)


def test_a_quota_is_new_at_midnight() -> None:
    result = estimate(SETTINGS, constant(1, 2 * DAY))
    assert result.count(ANSWERED) == pytest.approx(2000, abs=3)


@pytest.mark.parametrize("retries", [0, 3])
def test_both_engines_refuse_by_rate_and_by_a_used_up_quota_alike(retries: int) -> None:
    settings = replace(SETTINGS, rate=20.0, burst=5, retries=retries)
    fast, exact = (engine(settings, constant(30, 1200), 0) for engine in (estimate, simulate))
    assert fast.attempts == pytest.approx(exact.attempts, rel=0.02)
    for outcome in (LIMITED, OVER_QUOTA):
        assert fast.count(outcome) == pytest.approx(exact.count(outcome), rel=0.03)
