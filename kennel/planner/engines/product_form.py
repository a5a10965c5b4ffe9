"""Lambda and the endpoint as a product form: for any number of executions.

Exact for exponential service; elsewhere the stations have their own distributions, and the last
state is set so that work is conserved.
"""

import numpy as np

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import LEAST, station
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import Settings

_STEEP = 2  # how soon a busy endpoint counts as saturated; 2 to 12 were tried against events.py
_RARE = 1e-4  # a share lost that is too small to be told from rounding by a balance


def settled(settings: Settings, rates: Floats, instances: int) -> tuple[Floats, Floats]:
    """Return how many are inside, and how many an arrival finds at its station.

    Shapes (L, concurrency + 1) and (L, room + 1).
    """
    delay, service, limit = settings.work.mean, settings.service, settings.concurrency
    weights = station(rates / instances, service, settings.workers, min(settings.queue, limit))
    others, inside, waits, works = convolve(
        weights, rates * delay, instances, limit, settings.workers
    )
    seen = _seen_by_arrivals(weights, others, limit)
    refused = seen[:, settings.queue] if settings.queue <= limit - 1 else np.zeros(len(rates))
    load = rates * (1 - refused) * service.mean
    inside = _balanced(
        inside,
        (np.arange(limit + 1) - waits, rates * delay + load),
        (works, load),
        instances * settings.workers,
    )
    # Whatever the approximation: no more passes than executions and workers can do.
    most = np.minimum(
        limit / (delay + (1 - refused) * service.mean),
        instances * settings.workers / service.mean / np.maximum(1 - refused, LEAST),
    )
    return _at_most(inside, most / rates), seen


def _balanced(
    inside: Floats, all_: tuple[Floats, Floats], endpoint: tuple[Floats, Floats], workers: int
) -> Floats:
    """Set the chance of the last state so that work is conserved.

    Little's law: what is worked on in each state, on average, is what is let in times the work in
    it. `all_` and `endpoint` hold the two, (number worked on by state, load offered), over Lambda
    and the endpoint and over the endpoint alone. The product form keeps both by itself where
    service is exponential. Elsewhere it has the queue's steepness right and the last state not:
    the first law then sets it, and the nearer the endpoint is to saturation, the second.
    """
    (active, load), (working, work) = all_, endpoint
    plain = inside[:, -1]
    below = inside[:, :-1]
    free = below.sum(axis=1)
    first = (load * free - (below * active[:, :-1]).sum(axis=1)) / np.maximum(active[:, -1], LEAST)
    second = (work * free - (below * working[:, :-1]).sum(axis=1)) / np.maximum(
        working[:, -1], LEAST
    )
    share = np.clip((inside * working).sum(axis=1) / workers, 0, 1) ** _STEEP
    last = (1 - share) * np.maximum(first, 0) + share * np.maximum(second, 0)
    found = inside.copy()
    found[:, -1] = np.where((plain > _RARE) & (last > 0), last, plain)
    total: Floats = found / found.sum(axis=1, keepdims=True)
    return total


def _at_most(inside: Floats, share: Floats) -> Floats:
    """Raise the chance of the last state until no more than `share` is let in."""
    free = np.minimum(1 - inside[:, -1], share)
    found = inside * (free / np.maximum(1 - inside[:, -1], LEAST))[:, None]
    found[:, -1] = 1 - free
    return found


def _seen_by_arrivals(weights: Floats, others: Floats, limit: int) -> Floats:
    """Return how many an arrival finds in its station: as if it were not there, limit - 1."""
    room = weights.shape[1] - 1
    below = others.cumsum(axis=1)
    free = np.arange(room + 1)
    free = free[free <= limit - 1]
    seen = np.zeros_like(weights)
    seen[:, free] = weights[:, free] * below[:, limit - 1 - free]
    found: Floats = seen / seen.sum(axis=1, keepdims=True)
    return found
