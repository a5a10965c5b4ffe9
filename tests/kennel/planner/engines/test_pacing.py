"""Requests that a usage plan lets through evenly wait less and are lost less."""

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.pacing import Peakedness, correction_factors
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import constant as always
from kennel.planner.inputs.distributions import lognormal, lognormal_of_mean
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant

SETTINGS = PlanSettings(
    reserved=16, rate=14, burst=40, quota=10**9, minimum=1, maximum=1, workers=1,
    service=lognormal_of_mean(0.055, 0.2), work=lognormal(0.07, 0.2), cold_start=always(0.0),
)  # fmt: skip


def test_a_paced_stream_waits_as_the_exact_engine_says() -> None:
    # Poisson arrivals of this rate would wait 95 ms; these wait 26.
    profile = constant(31, 3600)
    exact, fast = simulate(SETTINGS, profile), estimate(SETTINGS, profile)
    assert exact.mean_latency < 0.18
    assert fast.mean_latency == pytest.approx(exact.mean_latency, rel=0.03)
    assert fast.throttled == pytest.approx(exact.throttled, rel=0.005)


def test_poisson_arrivals_change_nothing_and_even_ones_lessen_both() -> None:
    rates, lost = np.full(3, 16.0), np.full(3, 0.05)
    z = np.array([1.0, 0.6, 0.2])
    lost_factor, wait_factor = correction_factors(SETTINGS, rates, 1, Peakedness(z, z), lost)
    assert (lost_factor[0], wait_factor[0]) == (1, 1)
    assert (np.diff(lost_factor) < 0).all()
    assert (np.diff(wait_factor) < 0).all()
    assert wait_factor[2] > 0.1
