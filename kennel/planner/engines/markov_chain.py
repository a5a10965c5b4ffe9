"""Lambda and the endpoint as a Markov chain: where few executions make it small enough.

One instance is followed with its own service times; the rest, Lambda's own work and the other
instances, only by how many are there, with the rates of a product form. So the state is (k, m),
k at the instance and m in the rest, k + m <= executions. While fewer than its workers are busy it
moves at exponential rates. Otherwise it is looked at when a request leaves: in between (a service
time; `workers` at once are as one so much faster, see queueing.py) k and m move by exponential
rates again, mixed over the distribution of that time (uniformisation.py).

How fast requests leave an instance that holds k is then put into the rest's other instances, and
so on until nothing changes (R. Marie 1979). With one instance of one worker nothing is
approximate but that Lambda's own work counts by its mean; with more instances, that the others'
departures have no memory.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import LEAST
from kennel.planner.engines.uniformisation import stays
from kennel.planner.inputs.distributions import Floats, Times
from kennel.planner.inputs.settings import Settings

_MOST_STATES = 100  # 12 executions, or some more at a single instance
_GRID = 256  # points of the integrals over a service time
_ROUNDS, _CLOSE = 12, 1e-4  # of the iteration over instances
_MOST_EVENTS = 600  # within the longest service

Whole = NDArray[np.int64]


def small(settings: Settings, instances: int) -> bool:
    """Return whether the chain is small enough to be solved for a table.

    Where Lambda's own work is so short that much happens within a service, hardly anybody is in
    it, and the product form does as well.
    """
    longest = float(settings.service.points[-1])
    if settings.concurrency * longest > _MOST_EVENTS * settings.work.mean:
        return False
    return len(_States.of(settings, instances).k) <= _MOST_STATES


@dataclass(frozen=True, eq=False)
class _States:
    """States (k, m), one after another; `index` is -1 where there is none."""

    k: Whole
    m: Whole
    index: Whole

    @classmethod
    def of(cls, settings: Settings, instances: int) -> "_States":
        limit = settings.concurrency
        most = limit
        if instances == 1:  # only work is in the rest: what passes times its mean
            load = settings.work.mean * settings.workers / settings.service.mean
            most = min(limit, math.ceil(load + 5 * math.sqrt(load)) + 4)
        k, m = np.divmod(np.arange((min(settings.queue, limit) + 1) * (most + 1)), most + 1)
        here = k + m <= limit
        k, m = k[here], m[here]
        index = np.full((limit + 2, limit + 2), -1)
        index[k, m] = np.arange(len(k))
        return cls(k, m, index)

    def to(self, k: int, m: int) -> Whole:
        """Return the state with so many more in each part, for every state."""
        return self.index[self.k + k, self.m + m]  # an index of -1 is the last, empty, row


def settled(settings: Settings, rates: Floats, instances: int) -> tuple[Floats, Floats]:
    """Return how many are inside, and how many an arrival finds at its station.

    Shapes (L, concurrency + 1) and (L, room + 1).
    """
    limit, service = settings.concurrency, settings.service
    states = _States.of(settings, instances)
    room = int(states.k.max())
    busy = np.minimum(np.arange(1, room + 1), settings.workers) / service.mean
    logs = np.zeros((len(rates), room + 1))
    logs[:, 1:] = np.log(rates[:, None] / instances / busy).cumsum(axis=1)
    number = np.eye(limit + 1)[states.k + states.m]
    held = np.eye(room + 1)[states.k]
    last: Floats | None = None
    for _ in range(_ROUNDS):
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        load = rates * settings.work.mean
        rest = convolve(weights, load, instances, limit, settings.workers)[0]
        leaving = np.zeros((len(rates), limit + 1))
        leaving[:, 1:] = rates[:, None] * rest[:, :-1] / np.maximum(rest[:, 1:], LEAST)
        found = _steady(settings, states, rates, leaving / instances, leaving)
        inside = found @ number
        one, coming = found @ held, (found * leaving[:, states.m] / instances) @ held
        if instances == 1 or (last is not None and abs(inside - last).max() < _CLOSE):
            break
        last = inside
        passed = np.maximum(coming[:, :-1], LEAST) / np.maximum(one[:, 1:], LEAST)
        logs[:, 1:] = np.log(rates[:, None] / instances / passed).cumsum(axis=1)
    return inside, coming / coming.sum(axis=1, keepdims=True)


def _steady(
    settings: Settings, states: _States, rates: Floats, joining: Floats, leaving: Floats
) -> Floats:
    """Return the probability of each state.

    Parameters
    ----------
    joining, leaving : ndarray, shape (L, executions + 1)
        Rates at which one of the rest comes to the instance, and at which one leaves the rest
        altogether, by how many are in the rest.
    """
    workers, service = settings.workers, settings.service
    moves = _moves(settings, states, rates, joining, leaving)
    count, size = len(rates), len(states.k)
    full = states.k >= workers
    few, many = np.flatnonzero(~full), np.flatnonzero(full)
    flows = np.zeros((count, size, size))  # from, to
    time = np.zeros((count, size))  # that a state stands for
    departed = states.index[states.k - 1, states.m]
    entering = np.zeros((count, size, size))
    for to, rate in moves:
        those = np.flatnonzero(to >= 0)
        entering[:, those, to[those]] += rate[:, those]
    if len(many):
        within = entering[:, many][:, :, many]
        fresh, shared = _stretches(within, service, workers)
        generator = within - _diagonal(within.sum(axis=2))
        entry = entering[:, few][:, :, many]
        stay = entry @ fresh  # mean time in each state per entry
        ends = entry @ (np.eye(len(many)) + fresh @ generator)
        again = np.eye(len(many)) + shared @ generator
        flows[:, few[:, None], departed[many]] += ends
        flows[:, many[:, None], departed[many]] += again
        flows[:, many, many] -= 1.0
        time[:, many] = shared.sum(axis=2)
        time[:, few] = stay.sum(axis=2)
    time[:, few] += 1.0
    flows[:, few[:, None], few] += entering[:, few][:, :, few]
    served = states.k[few] / service.mean
    some = few[states.k[few] > 0]
    flows[:, some, departed[some]] += states.k[some] / service.mean
    flows[:, few, few] -= entering[:, few].sum(axis=2) + served
    equations = np.swapaxes(flows, 1, 2).copy()
    equations[:, -1] = time
    right = np.zeros((count, size, 1))
    right[:, -1] = 1.0
    begun = np.linalg.solve(equations, right)[:, :, 0]
    found = np.zeros((count, size))
    found[:, few] = begun[:, few]
    if len(many):
        found[:, many] = np.einsum("lk,lkj->lj", begun[:, many], shared)
        found[:, many] += np.einsum("lk,lkj->lj", begun[:, few], stay)
    found = np.maximum(found, 0.0)
    total: Floats = found / found.sum(axis=1, keepdims=True)
    return total


def _moves(
    settings: Settings, states: _States, rates: Floats, joining: Floats, leaving: Floats
) -> list[tuple[Whole, Floats]]:
    """Return what may happen but for departures: to which state, and at which rate, from each."""
    join, leave = joining[:, states.m], (leaving - joining)[:, states.m]
    joined = states.to(1, -1)
    refused = joined < 0  # a full queue: it leaves
    gone = states.to(0, -1)
    return [
        (states.to(0, 1), np.broadcast_to(rates[:, None], join.shape)),
        (np.where(states.m > 0, joined, -1), join),
        (np.where(states.m > 0, gone, -1), leave + np.where(refused, join, 0.0)),
    ]


def _stretches(within: Floats, service: Times, workers: int) -> tuple[Floats, Floats]:
    """Return mean times in each state until the next departure, from each state, all busy.

    The first for a stretch that begins as the last worker becomes busy, the second for one that
    begins with a departure.
    """
    longest = float(service.points[-1]) * (1 + 1e-9)
    step = longest / _GRID
    at = (np.arange(_GRID) + 0.5) * step
    above = service.survival(at)
    above *= service.mean / (above.sum() * step)
    excess = 1 - (above.cumsum() - above / 2) * step / service.mean  # of a time under way
    fresh = np.maximum(excess, 0) ** (workers - 1) * above * step
    return stays(within, at, fresh), stays(within, at / workers, above * step / workers)


def _diagonal(values: Floats) -> Floats:
    found: Floats = values[:, :, None] * np.eye(values.shape[1])
    return found
