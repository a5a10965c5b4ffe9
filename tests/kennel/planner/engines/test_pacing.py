"""Requests that a usage plan lets through evenly wait less and are lost less."""

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.pacing import Evenness, changed
from kennel.planner.engines.simulation import simulate
from kennel.planner.engines.token_bucket import dispersion
from kennel.planner.inputs.distributions import constant as always
from kennel.planner.inputs.distributions import lognormal, lognormal_of_mean
from kennel.planner.inputs.settings import Settings
from kennel.planner.inputs.traffic import constant

PATH = Settings(
    reserved=16, rate=14, burst=40, quota=10**9, minimum=1, maximum=1, workers=1,
    service=lognormal_of_mean(0.055, 0.2), work=lognormal(0.07, 0.2), cold_start=always(0.0),
)  # fmt: skip


def test_a_paced_stream_waits_as_the_exact_engine_says() -> None:
    # Poisson arrivals of this rate would wait 95 ms; these wait 26.
    profile = constant(31, 3600)
    exact, fast = simulate(PATH, profile), estimate(PATH, profile)
    assert exact.mean_latency < 0.18
    assert fast.mean_latency == pytest.approx(exact.mean_latency, rel=0.03)
    assert fast.throttled == pytest.approx(exact.throttled, rel=0.005)


def test_poisson_arrivals_change_nothing_and_even_ones_lessen_both() -> None:
    rates, lost = np.full(3, 16.0), np.full(3, 0.05)
    z = np.array([1.0, 0.6, 0.2])
    fewer, shorter = changed(PATH, rates, 1, Evenness(z, z), lost)
    assert (fewer[0], shorter[0]) == (1, 1)
    assert (np.diff(fewer) < 0).all()
    assert (np.diff(shorter) < 0).all()
    assert shorter[2] > 0.1


def test_what_a_bucket_lets_through_is_random_at_first_and_even_in_the_long_run() -> None:
    found = dispersion(np.array([3.0, 40.0]), 10.0, 5, always(0.05), 0.02)
    calm, full = found.values
    assert calm == pytest.approx(1, abs=0.02)  # hardly a token is ever missing
    assert full[0] > 0.7
    assert full[-1] < 0.1
    assert found.at(np.array([0.1, 40.0]), np.array([5.0, 0.0])) == pytest.approx([1, full[0]])
