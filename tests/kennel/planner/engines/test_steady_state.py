"""Many at once are the few one by one: convolutions, and Erlang's formula."""

import numpy as np
import pytest

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import erlang_b, station
from kennel.planner.inputs.distributions import Floats, lognormal_of_mean

LIMIT = 300  # executions, enough for Fourier transforms


def one_by_one(weights: Floats, offered: float, instances: int) -> Floats:
    """Return how many are inside, convolved a station at a time."""
    found = np.concatenate([[1.0], (offered / np.arange(1.0, LIMIT + 1)).cumprod()])
    for _ in range(instances):
        found = np.convolve(found, weights)[: LIMIT + 1]
        found /= found.max()
    total: Floats = found / found.sum()
    return total


@pytest.mark.parametrize(("instances", "each"), [(1, 50.0), (9, 40.0), (9, 55.0), (94, 8.0)])
def test_fourier_s_convolution_is_the_plain_one(instances: int, each: float) -> None:
    # from nearly idle to far beyond what the instances can take
    rates = np.array([0.05, 0.8, 1.1, 3.0]) * each * instances
    weights = station(rates / instances, lognormal_of_mean(0.04, 0.6), 2, 64)
    _, inside, waits, works = convolve(weights, rates * 0.08, instances, LIMIT, 2)
    for row, rate in enumerate(rates.tolist()):
        expected = one_by_one(weights[row], rate * 0.08, instances)
        assert inside[row] == pytest.approx(expected, abs=1e-12)
    seen = inside > 1e-6
    assert (waits[seen] + works[seen] <= np.nonzero(seen)[1] + 1e-6).all()
    assert (works[seen] <= 2 * instances + 1e-6).all()


def test_erlang_b_of_many_servers_keeps_its_own_recursion() -> None:
    servers = np.array([1000.0, 1001.0, 2000.5, 2001.5])
    load = np.array([950.0, 950.0, 2500.0, 2500.0])
    found = erlang_b(servers, load)
    for low in (0, 2):
        lost = load[low] * found[low]
        assert found[low + 1] == pytest.approx(lost / (servers[low + 1] + lost), rel=1e-9)


def test_erlang_b_in_parts_is_erlang_b() -> None:
    servers = np.linspace(0.5, 3000.0, 1200)  # more than fits at once
    load = np.full(1200, 1500.0)
    assert erlang_b(servers, load)[::300] == pytest.approx(erlang_b(servers[::300], load[::300]))
