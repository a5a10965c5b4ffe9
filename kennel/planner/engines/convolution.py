"""How many are inside Lambda and the endpoint together: the product of their parts' weights.

A delay (Lambda's own work) and N equal stations, with at most `limit` inside in all.
"""

import math

import numpy as np

from kennel.planner.engines.queueing import LEAST
from kennel.planner.inputs.distributions import Floats

_LARGE = 256  # executions from which convolutions go by Fourier transform
_SIGMAS = 16  # that a sum of stations may lie above its mean
_LEAST_TILT, _HALVINGS = -60.0, 24  # of the logarithm of t, in _tilted


def convolve(
    weights: Floats, offered: Floats, instances: int, limit: int, workers: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Put the parts together, for n <= limit inside.

    Every factor is tilted by t^n so that nothing that matters underflows, and turned back after.

    Returns
    -------
    tuple of ndarray, each of shape (L, limit + 1)
        Weights of n in all but one station; probabilities of n in all; how many of n wait;
        how many are worked on.
    """
    sizes = np.arange(weights.shape[1])
    tilt, ones = _tilted(weights, offered, instances, limit)
    number = np.arange(limit + 1)
    heights = np.log(np.maximum(offered * tilt, 1e-300))[:, None] * number
    logs = heights - np.concatenate([[0.0], np.log(number[1:]).cumsum()])
    delay = np.exp(logs - logs.max(axis=1, keepdims=True))
    queued = np.maximum(sizes - workers, 0)
    kinds = (ones, instances * ones * queued, instances * ones * (sizes - queued))
    if limit < _LARGE:
        others = np.stack(
            [
                np.convolve(each, _power(one, instances - 1, limit))[: limit + 1]
                for each, one in zip(delay, ones, strict=True)
            ]
        )
        inside, waits, works = (
            np.stack([np.convolve(*both)[: limit + 1] for both in zip(others, kind, strict=True)])
            for kind in kinds
        )
    else:
        others, inside, waits, works = _by_fourier(delay, kinds, instances, limit)
    works = np.minimum(works / np.maximum(inside, LEAST), instances * workers)
    waits = np.minimum(waits / np.maximum(inside, LEAST), number)
    for found in (others, inside):
        with np.errstate(divide="ignore"):  # what cannot be is -inf, and exp makes it 0 again
            turned = np.log(found) - number * np.log(tilt)[:, None]
        found[:] = np.exp(turned - turned.max(axis=1, keepdims=True))
    return others, inside / inside.sum(axis=1, keepdims=True), waits, works


def _tilted(weights: Floats, offered: Floats, instances: int, limit: int) -> tuple[Floats, Floats]:
    """Return t, and a station's weights times t^n (summing to 1), shapes (L,) and like weights.

    Where more than `limit` would be inside, t is such that the mean becomes `limit`, so that what
    counts is neither underflow nor the rounding of Fourier transforms.
    """
    sizes = np.arange(weights.shape[1])
    logs = np.log(np.maximum(weights, LEAST))

    def at(t: Floats) -> Floats:
        heights = logs + t[:, None] * sizes
        ones = np.exp(heights - heights.max(axis=1, keepdims=True))
        found: Floats = ones / ones.sum(axis=1, keepdims=True)
        return found

    low, high = np.full(len(offered), _LEAST_TILT), np.zeros(len(offered))
    t = high  # as it is, where that fits
    for _ in range(_HALVINGS):
        ones = at(t)
        fits = offered * np.exp(t) + instances * (ones @ sizes) <= limit
        low, high = np.where(fits, t, low), np.where(fits, high, t)
        if (low >= high).all():
            break
        t = np.where(low >= high, t, (low + high) / 2)
    return np.exp(low), at(low)


def _by_fourier(
    delay: Floats, kinds: tuple[Floats, Floats, Floats], instances: int, limit: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Convolve all rows at once: the same as one by one to 1e-13 of the largest weight."""
    ones, sizes = kinds[0], np.arange(kinds[0].shape[1])
    mean = ones @ sizes
    spread = np.sqrt(instances * np.maximum(ones @ sizes**2 - mean**2, 0.0) + limit)
    reach = float((instances * mean + _SIGMAS * spread).max()) + limit
    whole = limit + instances * (len(sizes) - 1) + 1
    # What lies beyond `cells` would come back at 0; there is nothing, or too little to see.
    cells = 512 * math.ceil(max(min(whole, reach), limit + len(sizes)) / 512)
    one, *others = (np.fft.rfft(each, cells, axis=1) for each in kinds)
    base, exponent = one, instances - 1
    rest = np.fft.rfft(delay / delay.sum(axis=1, keepdims=True), cells, axis=1)
    while exponent:
        if exponent & 1:
            rest = rest * base
        exponent >>= 1
        if exponent:
            base = base * base
    back = [rest] + [rest * each for each in (one, *others)]
    found = [np.maximum(np.fft.irfft(each, cells, axis=1)[:, : limit + 1], 0.0) for each in back]
    return found[0], found[1], found[2], found[3]


def _power(one: Floats, exponent: int, limit: int) -> Floats:
    """Return `one` convolved with itself, `exponent` factors in all, up to `limit`."""
    found = np.ones(1)
    while exponent:
        if exponent & 1:
            found = np.convolve(found, one)[: limit + 1]
            found = found / found.max()
        exponent >>= 1
        if exponent:
            one = np.convolve(one, one)[: limit + 1]
            one = one / one.max()
    return found
