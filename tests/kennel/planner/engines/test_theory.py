"""Both engines against closed formulas: within 2 %, with the simulation's confidence interval."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.queueing import erlang_b, erlang_c
from kennel.planner.engines.result import NO_EXECUTION, Result
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import (
    Distribution,
    constant,
    exponential,
    lognormal_of_mean,
)
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import constant as steady

RUNS = 8  # independent runs of the simulation; their scatter gives the interval
T_95 = 2.365  # Student's t for them


def unlimited(**changes: object) -> PlanSettings:
    """Settings in which the only limits are those that a test sets."""
    free: dict[str, object] = {
        "rate": 1e9, "burst": 10**9, "quota": 10**12, "reserved": 100, "minimum": 1, "maximum": 1,
        "cold_start": constant(0.0), "queue": 5000, "timeout": 1e6, "work": constant(1e-6),
        "service": constant(1e-6), "workers": 1,
    }  # fmt: skip
    return PlanSettings(**{**free, **changes})  # type: ignore[arg-type]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of independent runs and half the width of its 95 % interval."""
    mean = float(np.mean(values))
    return mean, float(T_95 * np.std(values, ddof=1) / math.sqrt(len(values)))


def agree(
    settings: PlanSettings,
    rate: float,
    seconds: int,
    measure: Callable[[Result], float],
    theory: Callable[[float], float],
) -> None:
    """Both engines are within 2 % of `theory`, which lies in the simulation's own interval.

    Theory is evaluated at each run's own arrival rate, because the requests of a run are drawn.
    """
    profile = steady(rate, seconds)
    ratios = []
    for seed in range(RUNS):
        result = simulate(settings, profile, seed)
        ratios.append(measure(result) / theory(result.requests / seconds))
    mean, half = interval(ratios)
    assert mean == pytest.approx(1, abs=0.02)
    assert abs(mean - 1) <= half <= 0.05
    result = estimate(settings, profile, 0)
    assert measure(result) == pytest.approx(theory(result.requests / seconds), rel=0.02)


def lost(result: Result) -> float:
    return float(result.outcomes[NO_EXECUTION].sum()) / result.requests


def wait(result: Result) -> float:
    """Mean seconds that an answer waited at the endpoint, by Little's law."""
    return float(result.waiting.sum()) * BIN_S / result.invocations


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(exponential(1.0), id="M"),
        pytest.param(constant(1.0), id="D", marks=pytest.mark.slow),
        pytest.param(lognormal_of_mean(1.0, 1.5), id="LN"),
    ],
)
def test_lambda_loses_what_erlang_b_says_whatever_the_distribution(held: Distribution) -> None:
    def formula(rate: float) -> float:
        return float(erlang_b(np.array(5.0), np.array(rate)))

    agree(unlimited(reserved=5, work=held), 5.0, 1200, lost, formula)


def test_waiting_as_erlang_c_says() -> None:
    # M/M/3 with 1.8 Erlang: wait = C x service / (3 - 1.8)
    def formula(rate: float) -> float:
        return erlang_c(3, 0.1 * rate) * 0.1 / (3 - 0.1 * rate)

    agree(unlimited(workers=3, service=exponential(0.1)), 18.0, 1200, wait, formula)


@pytest.mark.parametrize("cv", [0.0, pytest.param(0.5, marks=pytest.mark.slow), 1.2])
def test_waiting_as_pollaczek_and_khinchine_say(cv: float) -> None:
    service = constant(0.1) if cv == 0 else lognormal_of_mean(0.1, cv)

    def formula(rate: float) -> float:
        load = rate * service.mean
        return load * service.mean * (1 + service.cv**2) / (2 * (1 - load))

    agree(unlimited(service=service), 6.0, 3000, wait, formula)
