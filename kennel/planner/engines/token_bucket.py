"""Token bucket as a queue: the share that it rejects, and the dispersion of what it admits.

The missing tokens of a bucket grow by one with each admitted request and shrink by `rate` a second:
they are the work in a queue with constant service time 1/rate, and a request is admitted when that
queue holds fewer than `burst`. So in steady state the share rejected is exactly the blocking
probability of M/D/1/K with K = burst.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kennel.planner.engines.queueing import station
from kennel.planner.inputs.distributions import Distribution, Floats, constant

_CELLS = 60  # of the grid of a bucket's levels, about
_MAX_CELLS_PER_TOKEN = 12
_STEPS = 300  # of time, for which the admitted requests are followed
_MAX_FAST_BURST = 200  # tokens; a larger bucket is emptied by the mean, not by chance


@dataclass(frozen=True, eq=False)
class Dispersion:
    """Index of dispersion for counts: variance over mean of the number of arrivals in a span.

    Attributes
    ----------
    rates : ndarray, shape (L,)
        Arrivals at the bucket, requests a second.
    spans : ndarray, shape (T,)
        Seconds.
    values : ndarray, shape (L, T)
        1 for Poisson arrivals, less where they are smoother.
    """

    rates: Floats
    spans: Floats
    values: Floats

    def at(self, rates: Floats, spans: Floats) -> Floats:
        """Return the dispersion at pairs of a rate and a span; 1 below the lowest rate."""
        values = np.empty(len(rates))
        for number, (rate, span) in enumerate(zip(rates.tolist(), spans.tolist(), strict=True)):
            by_rate = [np.interp(span, self.spans, row) for row in self.values]
            values[number] = np.interp(rate, self.rates, by_rate, left=1.0)
        return np.clip(values, 0.0, 1.0)


def fast_burst(rate: float, burst: int, span: float) -> int:
    """Return the part of `burst` that reaches steady state within `span` seconds.

    A random walk of `rate` steps a second deviates by the square root of their number.
    """
    return max(1, min(burst, round(math.sqrt(rate * span)), _MAX_FAST_BURST))


def rejected_share(rates: Floats, rate: float, burst: int) -> Floats:
    """Return the share that finds no token, in steady state, for Poisson arrivals at `rates`."""
    return station(rates, constant(1 / rate), 1, burst)[:, -1]


def dispersion(
    rates: Floats, rate: float, burst: int, work: Distribution, step: float
) -> Dispersion:
    """Return the dispersion of the requests that the bucket admits, as they reach the endpoint.

    Lambda's own `work` delays each admitted request. The bucket's level is followed on a grid, in
    steps of about `step` seconds with X_i requests admitted in step i. The covariance of X_0 and
    X_k beyond that of Poisson arrivals is spread by the difference of two delays.

    Parameters
    ----------
    rates : ndarray, shape (L,)
        Poisson arrivals at the bucket, requests a second.
    rate, burst
        Of the bucket.
    """
    burst = min(burst, _CELLS)  # within _STEPS steps, more tokens make no difference
    cells = int(np.clip(_CELLS // burst, 1, _MAX_CELLS_PER_TOKEN))
    step = min(step, burst / 2 / rate)  # a step must not use up what the grid can hold
    filled = max(1, math.ceil(step * rate * cells))  # cells a step
    step = filled / (rate * cells)
    chain = _bucket_chain(rates * step, burst * cells, cells, filled)
    levels = _stationary(chain.transitions)
    mean = np.einsum("ls,ls->l", levels, chain.admitted)
    covariances = np.empty((len(rates), _STEPS))
    covariances[:, 0] = np.einsum("ls,ls->l", levels, chain.admitted_squared) - mean**2 - mean
    after = np.einsum("ls,lst->lt", levels, chain.weighted)
    for lag in range(1, _STEPS):
        covariances[:, lag] = np.einsum("ls,ls->l", after, chain.admitted) - mean**2
        after = np.matmul(after[:, None, :], chain.transitions)[:, 0]
    delays = np.minimum(work.points / step, _STEPS - 2).astype(np.int64)
    delay = np.bincount(delays) / len(delays)
    difference = np.correlate(delay, delay, "full")
    symmetric = np.concatenate([covariances[:, :0:-1], covariances], axis=1)
    spread = np.stack([np.convolve(row, difference, "same") for row in symmetric])[:, _STEPS - 1 :]
    count = np.arange(1, _STEPS + 1)
    spread[:, 1:] *= 2
    lagged = (spread * (count - 1)).cumsum(axis=1)
    values = 1 + (count * spread.cumsum(axis=1) - lagged) / (count * mean[:, None])
    return Dispersion(rates, count * step, values)


class _BucketChain(NamedTuple):
    """The Markov chain of a bucket's level, one step of time.

    Attributes
    ----------
    transitions, weighted : ndarray, shape (L, levels, levels)
        Transition probabilities, and the same weighted by the requests admitted in the step.
    admitted, admitted_squared : ndarray, shape (L, levels)
        Expected number of requests admitted in the step, and its square, by level.
    """

    transitions: Floats
    weighted: Floats
    admitted: Floats
    admitted_squared: Floats


def _bucket_chain(mean: Floats, size: int, cells: int, filled: int) -> _BucketChain:
    """Return the chain of a bucket of `size` cells, `cells` a token.

    In a step the bucket first fills by `filled` cells; then Poisson arrivals, `mean` on average,
    take their tokens.
    """
    count = len(mean)
    levels = np.minimum(np.arange(size + 1) + filled, size)
    tokens = levels // cells
    transitions = np.zeros((count, size + 1, size + 1))
    weighted = np.zeros_like(transitions)
    exactly, at_least = np.exp(-mean), np.ones(count)  # probabilities of `taken` arrivals
    rows = np.arange(size + 1)
    admitted, squared = np.zeros((count, size + 1)), np.zeros((count, size + 1))
    for taken in range(int(tokens.max()) + 1):
        for selected, share in (
            (rows[tokens > taken], exactly),
            (rows[tokens == taken], at_least),
        ):
            to = levels[selected] - taken * cells
            transitions[:, selected, to] += share[:, None]
            weighted[:, selected, to] += taken * share[:, None]
            admitted[:, selected] += taken * share[:, None]
            squared[:, selected] += taken**2 * share[:, None]
        at_least = np.maximum(at_least - exactly, 0.0)
        exactly = exactly * mean / (taken + 1)
    return _BucketChain(transitions, weighted, admitted, squared)


def _stationary(transitions: Floats) -> Floats:
    """Return the stationary distribution of each transition matrix."""
    count, size, _ = transitions.shape
    equations = np.swapaxes(transitions, 1, 2) - np.eye(size)
    equations[:, -1, :] = 1.0
    right = np.zeros((count, size, 1))
    right[:, -1] = 1.0
    distribution: Floats = np.linalg.solve(equations, right)[..., 0]
    return distribution
