"""Product form of Lambda and the endpoint, for any number of executions.

It is exact for exponential service. For other service times the stations have their own
distributions, and the probability of the full state is set so that work is conserved.
"""

import numpy as np

from kennel.planner.engines.convolution import convolve
from kennel.planner.engines.queueing import LEAST, station
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import PlanSettings

_SATURATION_EXPONENT = 2  # 2 to 12 were tried against the simulation
_MIN_LOST = 1e-4  # a smaller share lost is not corrected: the balance is within rounding


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
    work, service, limit = settings.work.mean, settings.service, settings.concurrency
    weights = station(rates / instances, service, settings.workers, min(settings.queue, limit))
    network = convolve(weights, rates * work, instances, limit, settings.workers)
    found_by_arrivals = _found_by_arrivals(weights, network.others, limit)
    bounded = settings.queue <= limit - 1
    refused = found_by_arrivals[:, settings.queue] if bounded else np.zeros(len(rates))
    endpoint_load = rates * (1 - refused) * service.mean
    inside = _conserve_work(
        network.inside,
        (np.arange(limit + 1) - network.waiting, rates * work + endpoint_load),
        (network.working, endpoint_load),
        instances * settings.workers,
    )
    # Throughput is bounded by what the executions and the workers can carry.
    throughput = np.minimum(
        limit / (work + (1 - refused) * service.mean),
        instances * settings.workers / service.mean / np.maximum(1 - refused, LEAST),
    )
    return _limit_admitted(inside, throughput / rates), found_by_arrivals


def _conserve_work(
    inside: Floats, both: tuple[Floats, Floats], endpoint: tuple[Floats, Floats], workers: int
) -> Floats:
    """Set the probability of the full state so that work is conserved.

    Little's law: the mean number in service is the admitted rate times the service time. `both`
    and `endpoint` each hold (number in service by state, offered load), for Lambda and the
    endpoint together and for the endpoint alone. With exponential service the product form obeys
    both laws by itself. Otherwise it has the right ratios between states except the full one: the
    first law sets that one, and the second the more the nearer the endpoint is to saturation.
    """
    (active, load), (working, endpoint_load) = both, endpoint
    uncorrected = inside[:, -1]
    below = inside[:, :-1]
    free = below.sum(axis=1)
    excess = load * free - (below * active[:, :-1]).sum(axis=1)
    endpoint_excess = endpoint_load * free - (below * working[:, :-1]).sum(axis=1)
    by_both = np.maximum(excess / np.maximum(active[:, -1], LEAST), 0)
    by_endpoint = np.maximum(endpoint_excess / np.maximum(working[:, -1], LEAST), 0)
    utilisation = np.clip((inside * working).sum(axis=1) / workers, 0, 1)
    weight = utilisation**_SATURATION_EXPONENT
    full = (1 - weight) * by_both + weight * by_endpoint
    corrected = inside.copy()
    corrected[:, -1] = np.where((uncorrected > _MIN_LOST) & (full > 0), full, uncorrected)
    total: Floats = corrected / corrected.sum(axis=1, keepdims=True)
    return total


def _limit_admitted(inside: Floats, share: Floats) -> Floats:
    """Raise the probability of the full state until at most `share` of arrivals is admitted."""
    free = np.minimum(1 - inside[:, -1], share)
    limited = inside * (free / np.maximum(1 - inside[:, -1], LEAST))[:, None]
    limited[:, -1] = 1 - free
    return limited


def _found_by_arrivals(weights: Floats, others: Floats, limit: int) -> Floats:
    """Return the distribution of the number that an arrival finds in its station.

    By the arrival theorem it is that of the network with one execution less.
    """
    capacity = weights.shape[1] - 1
    others_up_to = others.cumsum(axis=1)
    sizes = np.arange(capacity + 1)
    sizes = sizes[sizes <= limit - 1]
    joint = np.zeros_like(weights)
    joint[:, sizes] = weights[:, sizes] * others_up_to[:, limit - 1 - sizes]
    distribution: Floats = joint / joint.sum(axis=1, keepdims=True)
    return distribution
