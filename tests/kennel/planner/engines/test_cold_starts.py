"""Cold starts of the analytic engine against the simulation's."""

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import constant as always
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant, spike

ROOMY = PlanSettings(quota=10**9, rate=1e4, burst=10**4, reserved=100, minimum=2, maximum=2)


def test_the_first_requests_all_start_cold() -> None:
    # 10 a second and 1.5 s to start: 15 or 16 environments, then now and then one more
    profile = constant(10, 600)
    exact = np.mean([simulate(ROOMY, profile, seed).cold_starts for seed in range(8)])
    assert exact > 15
    assert estimate(ROOMY, profile).cold_starts == pytest.approx(exact, rel=0.3)


def test_a_spike_starts_more() -> None:
    profile = spike(5, 8, 5, 1800)
    exact = np.mean([simulate(ROOMY, profile, seed).cold_starts for seed in range(8)])
    assert estimate(ROOMY, profile).cold_starts == pytest.approx(exact, rel=0.3)


def test_cold_starts_show_in_the_tail_and_in_the_mean() -> None:
    profile = constant(2, 600)
    warm = estimate(ROOMY, profile)
    late = estimate(PlanSettings(**{**vars(ROOMY), "cold_start": always(20.0)}), profile)
    assert late.quantile(0.999) > 20 > warm.quantile(0.999)
    assert late.latency.sum() - warm.latency.sum() == pytest.approx(
        20 * late.cold_starts - 1.5 * warm.cold_starts, rel=0.01
    )
    assert late.histogram.sum() == pytest.approx(late.count(0))
