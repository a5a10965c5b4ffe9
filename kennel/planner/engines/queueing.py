"""Elementary queues in steady state: one station with a bounded queue, and Erlang's formulas.

The station is M/G/c/K by the recursion of Tijms, van Hoorn and Federgruen, "Approximations for the
steady-state probabilities in the M/G/c queue", Adv. Appl. Prob. 13 (1981) 186-206; also H. Tijms,
"A First Course in Stochastic Models" (2003), 9.6.2. It is exact for one worker, and for
exponential times; otherwise its only assumption is that, when all workers are busy, their
remaining times are those of one worker c times as fast.
"""

import numpy as np

from kennel.planner.inputs.distributions import Distribution, Floats

_GRID = 512  # points of the integrals over a service time
_HUGE = 1e100
_MIN_LOAD = 1e-9  # Erlang
_MAX_ELEMENTS = 2_000_000  # of one array, 16 MB
LEAST = 1e-300  # in place of a divisor of 0


def station(rates: Floats, service: Distribution, workers: int, capacity: int) -> Floats:
    """Return the distribution of the number of requests in an M/G/c/K station.

    Parameters
    ----------
    rates : ndarray, shape (L,)
        Poisson arrivals a second.
    service
        Service time of one worker.
    workers, capacity
        c and K: requests served at the same time, and accepted at all, those in service included.

    Returns
    -------
    ndarray, shape (L, capacity + 1)
        Probabilities of 0..capacity; the last is the blocking probability.
    """
    load = rates * service.mean
    states = np.zeros((len(rates), capacity + 1))
    states[:, 0] = 1.0
    for count in range(1, min(workers, capacity + 1)):
        states[:, count] = states[:, count - 1] * load / count
    if capacity >= workers:
        _fill_waiting_states(states, rates, service, workers)
        busy = np.minimum(np.arange(capacity), workers)
        below = states[:, :capacity]
        # Exact: mean busy workers are accepted arrivals times mean service time.
        full = (load * below.sum(axis=1) - below @ busy) / workers
        states[:, capacity] = np.maximum(full, 0.0)
    total: Floats = states / states.sum(axis=1, keepdims=True)
    return total


def _fill_waiting_states(
    states: Floats, rates: Floats, service: Distribution, workers: int
) -> None:
    """Fill in the states in which all workers are busy, except the full state."""
    capacity = states.shape[1] - 1
    first, shared = _kernels(rates, service, workers, capacity - workers)
    base = rates * states[:, workers - 1]
    divisor = 1.0 - rates * shared[:, 0]
    for number in range(workers, capacity):
        inside = states[:, workers:number]
        kernel = shared[:, 1 : number - workers + 1][:, ::-1]
        value = base * first[:, number - workers] + rates * np.einsum("lk,lk->l", inside, kernel)
        states[:, number] = value / divisor
        huge = states[:, number] > _HUGE
        if huge.any():
            scale = np.where(huge, 1 / np.where(huge, states[:, number], 1.0), 1.0)
            states *= scale[:, None]
            base *= scale


def _kernels(
    rates: Floats, service: Distribution, workers: int, count: int
) -> tuple[Floats, Floats]:
    """Return a_n and b_n of the recursion for n < count; shapes (L, count)."""
    longest = float(service.points[-1]) * (1 + 1e-9)
    step = longest / _GRID
    at = (np.arange(_GRID) + 0.5) * step
    survival = service.survival(at)
    survival *= service.mean / (survival.sum() * step)  # the grid's error would count as load
    residual = 1 - (survival.cumsum() - survival / 2) * step / service.mean
    first = _mixed_poisson(
        rates, at, np.maximum(residual, 0) ** (workers - 1) * survival * step, count
    )
    shared = _mixed_poisson(rates, at / workers, survival * step / workers, count)
    return first, shared


def _mixed_poisson(rates: Floats, at: Floats, weights: Floats, count: int) -> Floats:
    """Return the probabilities of 0..count-1 Poisson arrivals within times `at`, weighted."""
    mean = rates[:, None] * at[None, :]
    poisson = np.exp(-mean) * weights[None, :]
    probabilities = np.empty((len(rates), max(count, 1)))
    for number in range(probabilities.shape[1]):
        probabilities[:, number] = poisson.sum(axis=1)
        poisson *= mean / (number + 1)
    return probabilities


def erlang_b(servers: Floats, load: Floats) -> Floats:
    """Return Erlang's loss formula B: the blocking probability of M/G/c/c.

    1/B = a * integral of exp(-a t) (1 + t)^c over t > 0, which continues B to fractional c
    (D. Jagerman, "Methods in Traffic Calculations", AT&T Bell Lab. Tech. J. 63, 1984).

    Parameters
    ----------
    servers : ndarray
        c; need not be whole numbers.
    load : ndarray
        Offered load a, Erlang.
    """
    servers, load = np.broadcast_arrays(np.asarray(servers, float), np.asarray(load, float))
    load = np.maximum(load, _MIN_LOAD)
    most = max(int(servers.max(initial=1.0)), 1)
    if servers.size > 1 and servers.size * most > _MAX_ELEMENTS:
        halves = (np.array_split(array.ravel(), 2) for array in (servers, load))
        parts = [erlang_b(*half) for half in zip(*halves, strict=True)]
        return np.concatenate(parts).reshape(servers.shape)
    whole = np.floor(servers)
    below = _inverse_below_one(servers - whole, load)
    # From the fractional part upwards by the usual recursion, 1/B(c) = 1 + c/a / B(c-1), written
    # out: a sum of the products c/a, c/a (c-1)/a, ..., the last one times the fractional part's.
    step = np.arange(most)
    with np.errstate(over="ignore", invalid="ignore"):
        products = np.cumprod((servers[..., None] - step) / load[..., None], axis=-1)
        products = np.where(step < whole[..., None], products, 0.0)
        products *= np.where(step == whole[..., None] - 1, below[..., None], 1.0)
        sums = products.sum(axis=-1)
    inverse = np.where(whole > 0, 1 + sums, below)
    blocking: Floats = 1 / np.minimum(inverse, _HUGE)
    return blocking


def _inverse_below_one(servers: Floats, load: Floats) -> Floats:
    """Return 1/B for 0 <= servers < 1: E[(1 + X/a)^servers], X exponential with mean 1."""
    shares = (np.arange(2000) + 0.5) / 2000
    draws = -np.log1p(-shares)
    inverse: Floats = ((1 + draws / load[..., None]) ** servers[..., None]).mean(axis=-1)
    return inverse


def erlang_c(servers: int, load: float) -> float:
    """Return Erlang's delay formula C: the share of requests that wait in M/M/c.

    From B by C = B / (1 - rho (1 - B)), with the utilisation rho = load / servers below 1.
    """
    blocking = float(erlang_b(np.array(float(servers)), np.array(load)))
    return blocking / (1 - load / servers * (1 - blocking))
