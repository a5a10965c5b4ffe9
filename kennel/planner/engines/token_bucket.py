"""The usage plan's token bucket as a queue, and how evenly it lets requests through.

The missing tokens of a bucket grow by one with each request let through and shrink by `rate` a
second: they are the work in a queue of constant service time 1/rate, and a request is let through
when that queue holds fewer than `burst`. So the share turned away is the loss of M/D/1/K with
K = burst, exactly, once the bucket has forgotten how it began.
"""

import math
from dataclasses import dataclass

import numpy as np

from kennel.planner.engines.queueing import station
from kennel.planner.inputs.distributions import Floats, Times, constant

_CELLS = 60  # of the grid of a bucket's levels, about
_CELLS_OF_TOKEN = 12  # at most
_STEPS = 300  # that the passes are followed for
_MOST_FAST = 200  # tokens; beyond, chance averages out


@dataclass(frozen=True, eq=False)
class Dispersion:
    """Variance over mean of the count within `spans` seconds, for arrivals at `rates`."""

    rates: Floats
    spans: Floats
    values: Floats

    def at(self, rates: Floats, spans: Floats) -> Floats:
        """Return it at pairs of a rate and a span; 1, as for Poisson arrivals, at lower rates."""
        found = np.empty(len(rates))
        for number, (rate, span) in enumerate(zip(rates.tolist(), spans.tolist(), strict=True)):
            by_rate = [np.interp(span, self.spans, row) for row in self.values]
            found[number] = np.interp(rate, self.rates, by_rate, left=1.0)
        return np.clip(found, 0.0, 1.0)


def fast_burst(rate: float, burst: int, span: float) -> int:
    """Return the part of `burst` that fills and empties in `span` seconds.

    A random walk of `rate` steps a second strays by the root of their number. The rest of the
    burst, and what is beyond _MOST_FAST, is carried from bin to bin.
    """
    return max(1, min(burst, round(math.sqrt(rate * span)), _MOST_FAST))


def turned_away(rates: Floats, rate: float, burst: int) -> Floats:
    """Return the share that finds no token, in steady state, for Poisson arrivals at `rates`."""
    return station(rates, constant(1 / rate), 1, burst)[:, -1]


def dispersion(rates: Floats, rate: float, burst: int, work: Times, step: float) -> Dispersion:
    """Return variance over mean of how many come to the endpoint in a time, by that time.

    They have passed the bucket, and Lambda's own `work` has put each off. The bucket's level is
    followed on a grid in steps of about `step` seconds, X passes in each: what X_0 and X_k covary
    beyond Poisson arrivals is spread by the difference of two works.
    """
    burst = min(burst, _CELLS)  # in so short a time more tokens are as good as any number
    cells = int(np.clip(_CELLS // burst, 1, _CELLS_OF_TOKEN))
    step = min(step, burst / 2 / rate)  # a step may not use up what the grid can hold
    filled = max(1, math.ceil(step * rate * cells))  # cells a step
    step = filled / (rate * cells)
    moves, weighted, passes, squares = _moves(rates * step, burst * cells, cells, filled)
    levels = _settled(moves)
    mean = np.einsum("ls,ls->l", levels, passes)
    beyond = np.empty((len(rates), _STEPS))
    beyond[:, 0] = np.einsum("ls,ls->l", levels, squares) - mean**2 - mean
    after = np.einsum("ls,lst->lt", levels, weighted)
    for lag in range(1, _STEPS):
        beyond[:, lag] = np.einsum("ls,ls->l", after, passes) - mean**2
        after = np.matmul(after[:, None, :], moves)[:, 0]
    place = np.minimum(work.points / step, _STEPS - 2).astype(np.int64)
    chance = np.bincount(place) / len(place)
    apart = np.correlate(chance, chance, "full")
    both_ways = np.concatenate([beyond[:, :0:-1], beyond], axis=1)
    spread = np.stack([np.convolve(each, apart, "same") for each in both_ways])[:, _STEPS - 1 :]
    count = np.arange(1, _STEPS + 1)
    spread[:, 1:] *= 2
    lagged = (spread * (count - 1)).cumsum(axis=1)
    found = 1 + (count * spread.cumsum(axis=1) - lagged) / (count * mean[:, None])
    return Dispersion(rates, count * step, found)


def _moves(
    mean: Floats, size: int, cells: int, filled: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return one step's transition matrix between levels, and the passes in it.

    `mean` arrivals come in a step, which first fills `filled` cells. The second matrix is the
    first weighted by the passes; then passes and their squares, expected from each level.
    """
    count = len(mean)
    levels = np.minimum(np.arange(size + 1) + filled, size)
    tokens = levels // cells
    moves = np.zeros((count, size + 1, size + 1))
    weighted = np.zeros_like(moves)
    chance, left = np.exp(-mean), np.ones(count)
    rows = np.arange(size + 1)
    passes, squares = np.zeros((count, size + 1)), np.zeros((count, size + 1))
    for taken in range(int(tokens.max()) + 1):
        exact, rest = rows[tokens > taken], rows[tokens == taken]
        for those, share in ((exact, chance), (rest, left)):
            to = levels[those] - taken * cells
            moves[:, those, to] += share[:, None]
            weighted[:, those, to] += taken * share[:, None]
            passes[:, those] += taken * share[:, None]
            squares[:, those] += taken**2 * share[:, None]
        left = np.maximum(left - chance, 0.0)
        chance = chance * mean / (taken + 1)
    return moves, weighted, passes, squares


def _settled(moves: Floats) -> Floats:
    """Return the steady state of each transition matrix."""
    count, size, _ = moves.shape
    equations = np.swapaxes(moves, 1, 2) - np.eye(size)
    equations[:, -1, :] = 1.0
    right = np.zeros((count, size, 1))
    right[:, -1] = 1.0
    found: Floats = np.linalg.solve(equations, right)[..., 0]
    return found
