"""Convolution of the parts of a closed network: a delay station and N equal stations.

At most `limit` requests are inside all parts together.
"""

import math
from typing import NamedTuple

import numpy as np

from kennel.planner.engines.queueing import LEAST
from kennel.planner.inputs.distributions import Floats

_FOURIER_FROM = 256  # executions from which convolutions use the Fourier transform
_SIGMAS = 16  # that a sum of stations may lie above its mean
_MIN_LOG_TILT, _HALVINGS = -60.0, 24  # of the bisection for log t, in _tilt


class Network(NamedTuple):
    """The number n of requests inside, 0 to limit; each array has shape (L, limit + 1).

    Attributes
    ----------
    others
        Weights of n in all parts but one station.
    inside
        Probabilities of n in all parts.
    waiting, working
        Mean numbers of requests that wait and that are in service at the stations, given n.
    """

    others: Floats
    inside: Floats
    waiting: Floats
    working: Floats


def convolve(weights: Floats, offered: Floats, instances: int, limit: int, workers: int) -> Network:
    """Convolve the delay station and the instances.

    Every factor is multiplied by t^n so that nothing that matters underflows, and divided by it at
    the end.

    Parameters
    ----------
    weights : ndarray, shape (L, capacity + 1)
        Weights of the number at one station.
    offered : ndarray, shape (L,)
        Offered load of the delay station, Erlang.
    """
    sizes = np.arange(weights.shape[1])
    tilt, tilted = _tilt(weights, offered, instances, limit)
    number = np.arange(limit + 1)
    powers = np.log(np.maximum(offered * tilt, 1e-300))[:, None] * number
    logs = powers - np.concatenate([[0.0], np.log(number[1:]).cumsum()])
    delay = np.exp(logs - logs.max(axis=1, keepdims=True))
    queued = np.maximum(sizes - workers, 0)
    factors = (tilted, instances * tilted * queued, instances * tilted * (sizes - queued))
    if limit < _FOURIER_FROM:
        others = np.stack(
            [
                np.convolve(row, _power(one, instances - 1, limit))[: limit + 1]
                for row, one in zip(delay, tilted, strict=True)
            ]
        )
        inside, waiting, working = (
            np.stack([np.convolve(*rows)[: limit + 1] for rows in zip(others, factor, strict=True)])
            for factor in factors
        )
    else:
        others, inside, waiting, working = _convolve_by_fourier(delay, factors, instances, limit)
    working = np.minimum(working / np.maximum(inside, LEAST), instances * workers)
    waiting = np.minimum(waiting / np.maximum(inside, LEAST), number)
    for array in (others, inside):
        with np.errstate(divide="ignore"):  # an impossible state is -inf, and 0 again after exp
            logs = np.log(array) - number * np.log(tilt)[:, None]
        array[:] = np.exp(logs - logs.max(axis=1, keepdims=True))
    return Network(others, inside / inside.sum(axis=1, keepdims=True), waiting, working)


def _tilt(weights: Floats, offered: Floats, instances: int, limit: int) -> tuple[Floats, Floats]:
    """Return t, and a station's weights times t^n (summing to 1), shapes (L,) and like weights.

    Where more than `limit` requests would be inside, t makes their mean `limit`, so that the
    states that matter neither underflow nor drown in the rounding of Fourier transforms.
    """
    sizes = np.arange(weights.shape[1])
    logs = np.log(np.maximum(weights, LEAST))

    def tilted(log_t: Floats) -> Floats:
        heights = logs + log_t[:, None] * sizes
        ones = np.exp(heights - heights.max(axis=1, keepdims=True))
        normalised: Floats = ones / ones.sum(axis=1, keepdims=True)
        return normalised

    low, high = np.full(len(offered), _MIN_LOG_TILT), np.zeros(len(offered))
    log_t = high  # no tilt, where that fits
    for _ in range(_HALVINGS):
        mean = offered * np.exp(log_t) + instances * (tilted(log_t) @ sizes)
        fits = mean <= limit
        low, high = np.where(fits, log_t, low), np.where(fits, high, log_t)
        if (low >= high).all():
            break
        log_t = np.where(low >= high, log_t, (low + high) / 2)
    return np.exp(low), tilted(low)


def _convolve_by_fourier(
    delay: Floats, factors: tuple[Floats, Floats, Floats], instances: int, limit: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Convolve all rows at once; equal to plain convolution to 1e-13 of the largest weight."""
    tilted, sizes = factors[0], np.arange(factors[0].shape[1])
    mean = tilted @ sizes
    spread = np.sqrt(instances * np.maximum(tilted @ sizes**2 - mean**2, 0.0) + limit)
    reach = float((instances * mean + _SIGMAS * spread).max()) + limit
    whole = limit + instances * (len(sizes) - 1) + 1
    # What lies beyond `cells` wraps around to 0: there is nothing, or too little to matter.
    cells = 512 * math.ceil(max(min(whole, reach), limit + len(sizes)) / 512)
    first, *others = (np.fft.rfft(factor, cells, axis=1) for factor in factors)
    base, exponent = first, instances - 1
    rest = np.fft.rfft(delay / delay.sum(axis=1, keepdims=True), cells, axis=1)
    while exponent:
        if exponent & 1:
            rest = rest * base
        exponent >>= 1
        if exponent:
            base = base * base
    spectra = [rest] + [rest * factor for factor in (first, *others)]
    arrays = [
        np.maximum(np.fft.irfft(spectrum, cells, axis=1)[:, : limit + 1], 0.0)
        for spectrum in spectra
    ]
    return arrays[0], arrays[1], arrays[2], arrays[3]


def _power(weights: Floats, exponent: int, limit: int) -> Floats:
    """Return `one` convolved with itself, `exponent` factors in all, up to `limit`."""
    product = np.ones(1)
    while exponent:
        if exponent & 1:
            product = np.convolve(product, weights)[: limit + 1]
            product = product / product.max()
        exponent >>= 1
        if exponent:
            weights = np.convolve(weights, weights)[: limit + 1]
            weights = weights / weights.max()
    return product
