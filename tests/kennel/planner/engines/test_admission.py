"""Admission: the daily quota and the token bucket from bin to bin."""

import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import ANSWERED
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY, constant

SETTINGS = PlanSettings(quota=1000, rate=200.0, burst=200, reserved=50)


def test_a_quota_is_new_at_midnight() -> None:
    result = estimate(SETTINGS, constant(1, 2 * DAY))
    assert result.count(ANSWERED) == pytest.approx(2000, abs=3)
