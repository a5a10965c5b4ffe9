"""The usage plan's token bucket as a queue, and how bursty what it lets through still is.

The missing tokens of a bucket grow by one with each request let through and shrink by `rate` a
second: they are the work in a queue of constant service time 1/rate, and a request is let through
when that queue holds fewer than `burst`. So the share turned away is the loss of M/D/1/K with
K = burst, exactly, once the bucket has forgotten how it began.
"""

import math

import numpy as np

from kennel.planner.queueing import station
from kennel.planner.times import Floats, Times, constant

_CELLS = 60  # of the grid of a bucket's levels, about
_CELLS_OF_TOKEN = 12  # at most
_STEPS = 150  # that the longest execution is followed for
_MOST_FAST = 200  # tokens; beyond, chance averages out
_LEAST = 0.1  # peakedness; a perfect pace would be 0


def fast_burst(rate: float, burst: int, span: float) -> int:
    """Return the part of `burst` that fills and empties in `span` seconds.

    A random walk of `rate` steps a second strays by the root of their number. The rest of the
    burst, and what is beyond _MOST_FAST, is carried from bin to bin.
    """
    return max(1, min(burst, round(math.sqrt(rate * span)), _MOST_FAST))


def turned_away(rates: Floats, rate: float, burst: int) -> Floats:
    """Return the share that finds no token, in steady state, for Poisson arrivals at `rates`."""
    return station(rates, constant(1 / rate), 1, burst)[:, -1]


def peakedness(rates: Floats, rate: float, burst: int, holding: Times) -> Floats:
    """Return variance over mean of the executions that the bucket's output would keep busy.

    With as many executions as one likes: 1 for Poisson arrivals, less where the bucket paces
    them. The bucket's level is followed on a grid in small steps, X passes in each; an execution
    begun k steps ago is still there with probability g_k, so that the variance is
    sum of E[X] (g_k - g_k^2) + sum of Cov(X_j, X_k) g_j g_k.

    Returns
    -------
    ndarray, shape (L,)
    """
    burst = min(burst, _CELLS)  # within a holding time more tokens are as good as any number
    cells = int(np.clip(_CELLS // burst, 1, _CELLS_OF_TOKEN))
    horizon = float(holding.points[-1])
    filled = max(1, math.ceil(horizon * rate * cells / _STEPS))  # cells a step
    span = filled / (rate * cells)
    steps = math.ceil(horizon / span) + 1
    moves, weighted, passes, squares = _moves(rates * span, burst * cells, cells, filled)
    levels = _settled(moves)
    mean = np.einsum("ls,ls->l", levels, passes)
    kept = holding.survival(np.arange(steps) * span + span / 2)
    overlap = np.array([(kept[: steps - lag] * kept[lag:]).sum() for lag in range(steps)])
    second = np.einsum("ls,ls->l", levels, squares) - mean**2
    variance = mean * (kept.sum() - overlap[0]) + second * overlap[0]
    after = np.einsum("ls,lst->lt", levels, weighted)
    for lag in range(1, steps):
        joint = np.einsum("ls,ls->l", after, passes) - mean**2
        variance += 2 * joint * overlap[lag]
        after = np.matmul(after[:, None, :], moves)[:, 0]
    found: Floats = np.clip(variance / np.maximum(mean * kept.sum(), 1e-300), _LEAST, 1.0)
    return found


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
