"""Both engines against closed formulas: within 2 %, with the simulation's confidence interval."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.queueing import erlang_b, erlang_c, station
from kennel.planner.engines.result import NO_EXECUTION, Result
from kennel.planner.engines.simulation import simulate
from kennel.planner.inputs.distributions import Times, constant, exponential, lognormal_of_mean
from kennel.planner.inputs.settings import BIN_S, Settings
from kennel.planner.inputs.traffic import constant as steady

RUNS = 8  # independent runs of the simulation; their scatter gives the interval
T_95 = 2.365  # Student's t for them


def unlimited(**changes: object) -> Settings:
    """A path on which nothing limits but what a test sets."""
    free: dict[str, object] = {
        "rate": 1e9, "burst": 10**9, "quota": 10**12, "reserved": 100, "minimum": 1, "maximum": 1,
        "cold_start": constant(0.0), "queue": 5000, "timeout": 1e6, "work": constant(1e-6),
        "service": constant(1e-6), "workers": 1,
    }  # fmt: skip
    return Settings(**{**free, **changes})  # type: ignore[arg-type]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of independent runs and half the width of its 95 % interval."""
    found = np.array(values)
    return float(found.mean()), float(T_95 * found.std(ddof=1) / math.sqrt(len(found)))


def agree(
    settings: Settings,
    rate: float,
    seconds: int,
    of: Callable[[Result], float],
    theory: Callable[[float], float],
) -> None:
    """Both engines are within 2 % of `theory`, which lies in the simulation's own interval.

    Theory is asked at each run's own rate, since the requests of a run are drawn: the scatter
    that is left is the path's.
    """
    profile = steady(rate, seconds)
    ratios = []
    for seed in range(RUNS):
        result = simulate(settings, profile, seed)
        ratios.append(of(result) / theory(result.requests / seconds))
    mean, half = interval(ratios)
    assert mean == pytest.approx(1, abs=0.02)
    assert abs(mean - 1) <= half <= 0.05
    result = estimate(settings, profile, 0)
    assert of(result) == pytest.approx(theory(result.requests / seconds), rel=0.02)


def lost(result: Result) -> float:
    return float(result.endings[NO_EXECUTION].sum()) / result.requests


def wait(result: Result) -> float:
    """Mean seconds that an answer waited at the endpoint, by Little's law."""
    return float(result.waiting.sum()) * BIN_S / result.invocations


@pytest.mark.parametrize(
    "held", [exponential(1.0), constant(1.0), lognormal_of_mean(1.0, 1.5)], ids=["M", "D", "LN"]
)
def test_lambda_loses_what_erlang_b_says_whatever_the_distribution(held: Times) -> None:
    # 5 executions, 5 Erlang: 0.2849, from any table
    theory = float(erlang_b(np.array(5.0), np.array(5.0)))
    assert theory == pytest.approx(0.284868, abs=1e-6)

    def formula(rate: float) -> float:
        return float(erlang_b(np.array(5.0), np.array(rate)))

    agree(unlimited(reserved=5, work=held), 5.0, 1200, lost, formula)


def test_erlang_b_by_its_own_definition() -> None:
    for servers, load in ((1, 0.5), (3, 2.0), (10, 12.0)):
        terms = [load**k / math.factorial(k) for k in range(servers + 1)]
        found = float(erlang_b(np.array(float(servers)), np.array(load)))
        assert found == pytest.approx(terms[-1] / sum(terms), rel=1e-9)


def test_erlang_b_between_whole_numbers_of_servers_falls_smoothly() -> None:
    servers = np.linspace(2, 4, 21)
    found = erlang_b(servers, np.full(21, 2.5))
    assert (np.diff(found) < 0).all()
    # the recursion holds between whole numbers too: B(c+1) = a B(c) / (c + 1 + a B(c))
    half = erlang_b(np.array([2.5, 3.5]), np.array([2.5, 2.5]))
    assert half[1] == pytest.approx(2.5 * half[0] / (3.5 + 2.5 * half[0]), rel=1e-9)


def test_waiting_as_erlang_c_says() -> None:
    # M/M/3 with 1.8 Erlang: C = 0.3547, wait = C x service / (3 - 1.8)
    share = erlang_c(3, 1.8)
    assert share == pytest.approx(0.354742, abs=1e-5)

    def formula(rate: float) -> float:
        return erlang_c(3, 0.1 * rate) * 0.1 / (3 - 0.1 * rate)

    agree(unlimited(workers=3, service=exponential(0.1)), 18.0, 1200, wait, formula)


@pytest.mark.parametrize("cv", [0.0, 0.5, 1.2])
def test_waiting_as_pollaczek_and_khinchine_say(cv: float) -> None:
    service = constant(0.1) if cv == 0 else lognormal_of_mean(0.1, cv)

    def formula(rate: float) -> float:
        load = rate * service.mean
        return load * service.mean * (1 + service.cv**2) / (2 * (1 - load))

    agree(unlimited(service=service), 6.0, 3000, wait, formula)


def test_queue_lengths_of_m_m_1_with_a_bounded_room() -> None:
    found = station(np.array([8.0]), exponential(0.1), 1, 6)[0]
    expected = 0.8 ** np.arange(7)
    assert found == pytest.approx(expected / expected.sum(), rel=3e-3)


def test_queue_lengths_of_m_d_1() -> None:
    # P(0) = 1 - r; P(1) = (1 - r)(e^r - 1); P(2) = (1 - r)(e^2r - e^r (1 + r))
    found = station(np.array([0.5]), constant(1.0), 1, 60)[0]
    e = math.exp(0.5)
    assert found[:3] == pytest.approx([0.5, 0.5 * (e - 1), 0.5 * (e * e - e * 1.5)], rel=1e-3)


def test_an_overloaded_station_loses_what_it_cannot_work_off() -> None:
    found = station(np.array([40.0]), lognormal_of_mean(0.1, 0.4), 2, 30)[0]
    assert 40 * (1 - found[-1]) == pytest.approx(20, rel=1e-3)  # two workers do 20 a second
