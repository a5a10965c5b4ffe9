"""Queues in steady state: one station with a bounded queue, and Erlang's loss formula.

The station is M/G/c/K by the recursion of Tijms, van Hoorn and Federgruen, "Approximations for the
steady-state probabilities in the M/G/c queue", Adv. Appl. Prob. 13 (1981) 186-206; also H. Tijms,
"A First Course in Stochastic Models" (2003), 9.6.2. It is exact for one worker, and for
exponential times; otherwise its only assumption is that, when all workers are busy, their
remaining times are those of one worker c times as fast.
"""

import numpy as np

from kennel.planner.inputs.distributions import Floats, Times

_GRID = 512  # points of the integrals over a service time
_HUGE = 1e100
_SMALL = 1e-9
_AT_ONCE = 2_000_000  # numbers in one array, 16 MB
LEAST = 1e-300


def station(rates: Floats, service: Times, workers: int, room: int) -> Floats:
    """Return how many are in a station, in steady state.

    Parameters
    ----------
    rates : ndarray, shape (L,)
        Poisson arrivals a second.
    service
        Of one worker, seconds.
    workers, room
        Served at once, and taken in at all; who finds the room full is turned away.

    Returns
    -------
    ndarray, shape (L, room + 1)
        Probabilities of 0..room.
    """
    load = rates * service.mean
    found = np.zeros((len(rates), room + 1))
    found[:, 0] = 1.0
    for count in range(1, min(workers, room + 1)):
        found[:, count] = found[:, count - 1] * load / count
    if room >= workers:
        _waiting(found, rates, service, workers)
        busy = np.minimum(np.arange(room), workers)
        inside = found[:, :room]
        # Exact: mean busy workers are accepted arrivals times mean service.
        last = (load * inside.sum(axis=1) - inside @ busy) / workers
        found[:, room] = np.maximum(last, 0.0)
    total: Floats = found / found.sum(axis=1, keepdims=True)
    return total


def _waiting(found: Floats, rates: Floats, service: Times, workers: int) -> None:
    """Fill in the states in which all workers are busy, up to the last but one."""
    first, shared = _kernels(rates, service, workers, found.shape[1] - 1 - workers)
    base = rates * found[:, workers - 1]
    room = found.shape[1] - 1
    keep = 1.0 - rates * shared[:, 0]
    for at in range(workers, room):
        inside = found[:, workers:at]
        turned = shared[:, 1 : at - workers + 1][:, ::-1]
        value = base * first[:, at - workers] + rates * np.einsum("lk,lk->l", inside, turned)
        found[:, at] = value / keep
        big = found[:, at] > _HUGE
        if big.any():
            scale = np.where(big, 1 / np.where(big, found[:, at], 1.0), 1.0)
            found *= scale[:, None]
            base *= scale


def _kernels(rates: Floats, service: Times, workers: int, count: int) -> tuple[Floats, Floats]:
    """Return a_n and b_n of the recursion for n < count; shapes (L, count)."""
    longest = float(service.points[-1]) * (1 + 1e-9)
    step = longest / _GRID
    at = (np.arange(_GRID) + 0.5) * step
    above = service.survival(at)
    above *= service.mean / (above.sum() * step)  # the grid's own error would count as load
    excess = 1 - (above.cumsum() - above / 2) * step / service.mean  # of a time under way
    first = _mixed(rates, at, np.maximum(excess, 0) ** (workers - 1) * above * step, count)
    shared = _mixed(rates, at / workers, above * step / workers, count)
    return first, shared


def _mixed(rates: Floats, at: Floats, weights: Floats, count: int) -> Floats:
    """Return the Poisson probabilities of 0..count-1 arrivals within times `at`, weighted."""
    mean = rates[:, None] * at[None, :]
    chance = np.exp(-mean) * weights[None, :]
    found = np.empty((len(rates), max(count, 1)))
    for number in range(found.shape[1]):
        found[:, number] = chance.sum(axis=1)
        chance *= mean / (number + 1)
    return found


def erlang_b(servers: Floats, load: Floats) -> Floats:
    """Return the share lost of `load` Erlang at `servers`, which need not be whole.

    1/B = a * integral of exp(-a t) (1 + t)^c over t > 0; Jagerman (1984) for the continuation.
    """
    servers, load = np.broadcast_arrays(np.asarray(servers, float), np.asarray(load, float))
    load = np.maximum(load, _SMALL)
    most = max(int(servers.max(initial=1.0)), 1)
    if servers.size > 1 and servers.size * most > _AT_ONCE:
        halves = (np.array_split(each.ravel(), 2) for each in (servers, load))
        parts = [erlang_b(*each) for each in zip(*halves, strict=True)]
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
        summed = products.sum(axis=-1)
    inverse = np.where(whole > 0, 1 + summed, below)
    found: Floats = 1 / np.minimum(inverse, _HUGE)
    return found


def _inverse_below_one(part: Floats, load: Floats) -> Floats:
    """Return 1/B for 0 <= servers < 1: E[(1 + X/a)^part], X exponential with mean 1."""
    shares = (np.arange(2000) + 0.5) / 2000
    draws = -np.log1p(-shares)
    found: Floats = ((1 + draws / load[..., None]) ** part[..., None]).mean(axis=-1)
    return found


def erlang_c(servers: int, load: float) -> float:
    """Return the share that waits in M/M/c with `load` Erlang below `servers`."""
    lost = float(erlang_b(np.array(float(servers)), np.array(load)))
    return lost / (1 - load / servers * (1 - lost))
