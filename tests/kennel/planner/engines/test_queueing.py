"""Elementary queues against closed formulas and textbook values."""

import math

import numpy as np
import pytest

from kennel.planner.engines.queueing import erlang_b, erlang_c, station
from kennel.planner.inputs.distributions import constant, exponential, lognormal_of_mean


def test_erlang_b_by_its_own_definition() -> None:
    for servers, load in ((1, 0.5), (3, 2.0), (10, 12.0)):
        terms = [load**k / math.factorial(k) for k in range(servers + 1)]
        blocking = float(erlang_b(np.array(float(servers)), np.array(load)))
        assert blocking == pytest.approx(terms[-1] / sum(terms), rel=1e-9)


def test_erlang_b_between_whole_numbers_of_servers_falls_smoothly() -> None:
    servers = np.linspace(2, 4, 21)
    blocking = erlang_b(servers, np.full(21, 2.5))
    assert (np.diff(blocking) < 0).all()
    # the recursion holds between whole numbers too: B(c+1) = a B(c) / (c + 1 + a B(c))
    half = erlang_b(np.array([2.5, 3.5]), np.array([2.5, 2.5]))
    assert half[1] == pytest.approx(2.5 * half[0] / (3.5 + 2.5 * half[0]), rel=1e-9)


def test_queue_lengths_of_m_m_1_with_a_bounded_room() -> None:
    probabilities = station(np.array([8.0]), exponential(0.1), 1, 6)[0]
    expected = 0.8 ** np.arange(7)
    assert probabilities == pytest.approx(expected / expected.sum(), rel=3e-3)


def test_queue_lengths_of_m_d_1() -> None:
    # P(0) = 1 - r; P(1) = (1 - r)(e^r - 1); P(2) = (1 - r)(e^2r - e^r (1 + r))
    probabilities = station(np.array([0.5]), constant(1.0), 1, 60)[0]
    e = math.exp(0.5)
    assert probabilities[:3] == pytest.approx(
        [0.5, 0.5 * (e - 1), 0.5 * (e * e - e * 1.5)], rel=1e-3
    )


def test_an_overloaded_station_loses_what_it_cannot_work_off() -> None:
    probabilities = station(np.array([40.0]), lognormal_of_mean(0.1, 0.4), 2, 30)[0]
    assert 40 * (1 - probabilities[-1]) == pytest.approx(20, rel=1e-3)  # two workers do 20 a second


def test_erlang_b_of_many_servers_keeps_its_own_recursion() -> None:
    servers = np.array([1000.0, 1001.0, 2000.5, 2001.5])
    load = np.array([950.0, 950.0, 2500.0, 2500.0])
    blocking = erlang_b(servers, load)
    for low in (0, 2):
        lost = load[low] * blocking[low]
        assert blocking[low + 1] == pytest.approx(lost / (servers[low + 1] + lost), rel=1e-9)


def test_erlang_b_in_parts_is_erlang_b() -> None:
    servers = np.linspace(0.5, 3000.0, 1200)  # more than fits at once
    load = np.full(1200, 1500.0)
    assert erlang_b(servers, load)[::300] == pytest.approx(erlang_b(servers[::300], load[::300]))


def test_erlang_b_and_c_of_published_tables() -> None:
    assert float(erlang_b(np.array(5.0), np.array(5.0))) == pytest.approx(0.284868, abs=1e-6)
    assert erlang_c(3, 1.8) == pytest.approx(0.354742, abs=1e-5)
