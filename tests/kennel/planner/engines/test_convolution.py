"""Convolution by Fourier transform is plain convolution."""

import numpy as np
import pytest

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import station
from kennel.planner.inputs.distributions import Floats, lognormal_of_mean

LIMIT = 300  # executions, enough for Fourier transforms


def one_by_one(weights: Floats, offered: float, instances: int) -> Floats:
    """Return the distribution of the number inside, convolved a station at a time."""
    product = np.concatenate([[1.0], (offered / np.arange(1.0, LIMIT + 1)).cumprod()])
    for _ in range(instances):
        product = np.convolve(product, weights)[: LIMIT + 1]
        product /= product.max()
    total: Floats = product / product.sum()
    return total


@pytest.mark.parametrize(("instances", "each"), [(1, 50.0), (9, 40.0), (9, 55.0), (94, 8.0)])
def test_fourier_s_convolution_is_the_plain_one(instances: int, each: float) -> None:
    # from nearly idle to far beyond what the instances can take
    rates = np.array([0.05, 0.8, 1.1, 3.0]) * each * instances
    weights = station(rates / instances, lognormal_of_mean(0.04, 0.6), 2, 64)
    network = convolve(weights, rates * 0.08, instances, LIMIT, 2)
    for row, rate in enumerate(rates.tolist()):
        expected = one_by_one(weights[row], rate * 0.08, instances)
        assert network.inside[row] == pytest.approx(expected, abs=1e-12)
    likely = network.inside > 1e-6
    at_stations = network.waiting[likely] + network.working[likely]
    assert (at_stations <= np.nonzero(likely)[1] + 1e-6).all()
    assert (network.working[likely] <= 2 * instances + 1e-6).all()
