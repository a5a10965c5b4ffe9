"""Markov chain of Lambda and the endpoint, for few executions.

One instance is modelled with its own service times; the rest (Lambda's own work and the other
instances) only by the number of requests in it, with the rates of a product form. So the state is
(k, m): k requests at the instance and m in the rest, k + m <= executions. While fewer than its
workers are busy, the state changes at exponential rates. Otherwise the chain is embedded at
departures: in between (a service time; c busy workers count as one that is c times as fast, see
queueing.py) k and m change at exponential rates again, mixed over the distribution of that time
(uniformisation.py).

The departure rate of an instance with k requests is then used for the other instances in the
rest, and so on until nothing changes (R. Marie 1979). With one instance of one worker the only
approximation is that Lambda's own work counts by its mean; with more instances, also that the
departures of the others have no memory.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import LEAST
from kennel.planner.engines.uniformisation import occupation_times
from kennel.planner.inputs.distributions import Distribution, Floats
from kennel.planner.inputs.settings import PlanSettings

_MAX_STATES = 100  # 12 executions, or some more with a single instance
_MAX_EVENTS = 600  # within the longest service time
_GRID = 256  # points of the integrals over a service time
_MAX_ITERATIONS, _TOLERANCE = 12, 1e-4  # of the iteration over instances

Ints = NDArray[np.int64]


def is_small(settings: PlanSettings, instances: int) -> bool:
    """Return whether the chain is small enough to be solved for a cache.

    Where Lambda's own work is so short that much happens within a service time, hardly any request
    is in it, and the product form is as accurate.
    """
    longest = float(settings.service.points[-1])
    if settings.concurrency * longest > _MAX_EVENTS * settings.work.mean:
        return False
    return len(_States.of(settings, instances).k) <= _MAX_STATES


@dataclass(frozen=True, eq=False)
class _States:
    """The states (k, m) in order; `index` is their position by (k, m), -1 where there is none."""

    k: Ints
    m: Ints
    index: Ints

    @classmethod
    def of(cls, settings: PlanSettings, instances: int) -> "_States":
        limit = settings.concurrency
        most = limit
        if instances == 1:  # only work is in the rest: at most the throughput times its mean
            load = settings.work.mean * settings.workers / settings.service.mean
            most = min(limit, math.ceil(load + 5 * math.sqrt(load)) + 4)
        k, m = np.divmod(np.arange((min(settings.queue, limit) + 1) * (most + 1)), most + 1)
        possible = k + m <= limit
        k, m = k[possible], m[possible]
        index = np.full((limit + 2, limit + 2), -1)
        index[k, m] = np.arange(len(k))
        return cls(k, m, index)

    def shifted(self, k: int, m: int) -> Ints:
        """Return the position of the state (k, m) further, for every state."""
        return self.index[self.k + k, self.m + m]  # an index of -1 is the last, empty, row


def steady_state(settings: PlanSettings, rates: Floats, instances: int) -> tuple[Floats, Floats]:
    """Return the distributions of the number inside, and of the number that an arrival finds.

    Parameters
    ----------
    rates : ndarray, shape (L,)
        Arrivals at Lambda, requests a second.

    Returns
    -------
    inside : ndarray, shape (L, concurrency + 1)
        Probabilities of the number of executions.
    found_by_arrivals : ndarray, shape (L, capacity + 1)
        Probabilities of the number of requests at its instance that an arrival finds.
    """
    limit, service = settings.concurrency, settings.service
    states = _States.of(settings, instances)
    capacity = int(states.k.max())
    departure_rates = np.minimum(np.arange(1, capacity + 1), settings.workers) / service.mean
    logs = np.zeros((len(rates), capacity + 1))
    logs[:, 1:] = np.log(rates[:, None] / instances / departure_rates).cumsum(axis=1)
    by_number_inside = np.eye(limit + 1)[states.k + states.m]
    by_number_at_instance = np.eye(capacity + 1)[states.k]
    last: Floats | None = None
    for _ in range(_MAX_ITERATIONS):
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        load = rates * settings.work.mean
        rest = convolve(weights, load, instances, limit, settings.workers).others
        leaving = np.zeros((len(rates), limit + 1))
        leaving[:, 1:] = rates[:, None] * rest[:, :-1] / np.maximum(rest[:, 1:], LEAST)
        probabilities = _solve(settings, states, rates, leaving / instances, leaving)
        inside = probabilities @ by_number_inside
        at_instance = probabilities @ by_number_at_instance
        arrivals = (probabilities * leaving[:, states.m] / instances) @ by_number_at_instance
        if instances == 1 or (last is not None and abs(inside - last).max() < _TOLERANCE):
            break
        last = inside
        departures = np.maximum(arrivals[:, :-1], LEAST) / np.maximum(at_instance[:, 1:], LEAST)
        logs[:, 1:] = np.log(rates[:, None] / instances / departures).cumsum(axis=1)
    return inside, arrivals / arrivals.sum(axis=1, keepdims=True)


def _solve(
    settings: PlanSettings, states: _States, rates: Floats, joining: Floats, leaving: Floats
) -> Floats:
    """Return the probability of each state, shape (L, S).

    Parameters
    ----------
    joining, leaving : ndarray, shape (L, executions + 1)
        Rates at which a request of the rest joins the instance, and at which one leaves the rest
        (to any instance or out), by the number in the rest.
    """
    workers, service = settings.workers, settings.service
    count, size = len(rates), len(states.k)
    full = states.k >= workers
    few, many = np.flatnonzero(~full), np.flatnonzero(full)
    flows = np.zeros((count, size, size))  # from, to
    time = np.zeros((count, size))  # that an embedded state stands for
    departed = states.index[states.k - 1, states.m]
    entering = np.zeros((count, size, size))
    for to, rate in _transitions(states, rates, joining, leaving):
        possible = np.flatnonzero(to >= 0)
        entering[:, possible, to[possible]] += rate[:, possible]
    if len(many):
        within = entering[:, many][:, :, many]
        fresh, shared = _times_until_departure(within, service, workers)
        generator = within - _diagonal(within.sum(axis=2))
        entry = entering[:, few][:, :, many]
        stay = entry @ fresh  # mean time in each state per entry
        after_entry = entry @ (np.eye(len(many)) + fresh @ generator)
        after_departure = np.eye(len(many)) + shared @ generator
        flows[:, few[:, None], departed[many]] += after_entry
        flows[:, many[:, None], departed[many]] += after_departure
        flows[:, many, many] -= 1.0
        time[:, many] = shared.sum(axis=2)
        time[:, few] = stay.sum(axis=2)
    time[:, few] += 1.0
    flows[:, few[:, None], few] += entering[:, few][:, :, few]
    served = states.k[few] / service.mean
    serving = few[states.k[few] > 0]
    flows[:, serving, departed[serving]] += states.k[serving] / service.mean
    flows[:, few, few] -= entering[:, few].sum(axis=2) + served
    equations = np.swapaxes(flows, 1, 2).copy()
    equations[:, -1] = time
    right = np.zeros((count, size, 1))
    right[:, -1] = 1.0
    embedded = np.linalg.solve(equations, right)[:, :, 0]
    probabilities = np.zeros((count, size))
    probabilities[:, few] = embedded[:, few]
    if len(many):
        probabilities[:, many] = np.einsum("lk,lkj->lj", embedded[:, many], shared)
        probabilities[:, many] += np.einsum("lk,lkj->lj", embedded[:, few], stay)
    probabilities = np.maximum(probabilities, 0.0)
    total: Floats = probabilities / probabilities.sum(axis=1, keepdims=True)
    return total


def _transitions(
    states: _States, rates: Floats, joining: Floats, leaving: Floats
) -> list[tuple[Ints, Floats]]:
    """Return the transitions except departures: the target (-1: none) and rate, by state."""
    join, leave = joining[:, states.m], (leaving - joining)[:, states.m]
    joined = states.shifted(1, -1)
    refused = joined < 0  # the instance's queue is full: the request leaves
    left = states.shifted(0, -1)
    return [
        (states.shifted(0, 1), np.broadcast_to(rates[:, None], join.shape)),
        (np.where(states.m > 0, joined, -1), join),
        (np.where(states.m > 0, left, -1), leave + np.where(refused, join, 0.0)),
    ]


def _times_until_departure(
    within: Floats, service: Distribution, workers: int
) -> tuple[Floats, Floats]:
    """Return mean times in each state until the next departure, by state, all workers busy.

    The first from the moment when the last worker becomes busy, the second from a departure on.
    """
    longest = float(service.points[-1]) * (1 + 1e-9)
    step = longest / _GRID
    at = (np.arange(_GRID) + 0.5) * step
    survival = service.survival(at)
    survival *= service.mean / (survival.sum() * step)
    residual = 1 - (survival.cumsum() - survival / 2) * step / service.mean
    fresh = np.maximum(residual, 0) ** (workers - 1) * survival * step
    return (
        occupation_times(within, at, fresh),
        occupation_times(within, at / workers, survival * step / workers),
    )


def _diagonal(values: Floats) -> Floats:
    matrices: Floats = values[:, :, None] * np.eye(values.shape[1])
    return matrices
