"""Latencies of a steady state against closed formulas."""

import numpy as np
import pytest

from kennel.planner.engines.latencies import answer_latencies
from kennel.planner.engines.result import quantiles
from kennel.planner.inputs.distributions import constant, exponential
from kennel.planner.inputs.settings import PlanSettings


def test_an_arrival_at_an_idle_instance_takes_work_and_service() -> None:
    settings = PlanSettings(work=constant(0.05), service=constant(0.1), workers=1)
    histogram, timed_out = answer_latencies(settings, np.array([[1.0, 0.0]]), np.zeros(1))
    assert quantiles(histogram, 0.5)[0] == pytest.approx(0.15, rel=0.03)
    assert timed_out[0] == 0


def test_the_latency_of_m_m_1_is_exponential() -> None:
    # mean service 0.1 s at 60 %: the time in the system is exponential with mean 0.25 s
    settings = PlanSettings(work=constant(1e-6), service=exponential(0.1), workers=1, timeout=60.0)
    found_by_arrivals = (0.4 * 0.6 ** np.arange(60))[None, :]
    histogram, _ = answer_latencies(settings, found_by_arrivals, np.array([0.15]))
    for share in (0.5, 0.9, 0.99):
        assert quantiles(histogram, share)[0] == pytest.approx(-0.25 * np.log(1 - share), rel=0.03)


def test_a_service_beyond_the_timeout_times_out() -> None:
    settings = PlanSettings(service=constant(0.5), workers=1, timeout=0.4)
    _, timed_out = answer_latencies(settings, np.array([[1.0, 0.0]]), np.zeros(1))
    assert timed_out[0] == pytest.approx(1)
