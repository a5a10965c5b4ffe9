"""Lambda and the endpoint together, in steady state: the coupling that the planner is about.

An execution holds its place while it waits for the endpoint, so at most `concurrency` requests
are ever at the endpoint, and a slow endpoint turns requests away at Lambda. As a queueing network:
arrivals are lost while `concurrency` are inside; a delay (Lambda's own work), then one of N equal
stations chosen at random (a bounded queue each; who finds it full leaves). With Poisson arrivals
and exponential service the number inside has the product form

    P(n inside) ~ [Poisson(rate x work) * station^(N convolved)](n),  n <= concurrency

(J. Jackson 1963 for arrivals that depend on the number inside; N. van Dijk, "Queueing Networks and
Product Forms" 1993, for full stations that are jumped over). Only means of the work matter; other
service times enter through the station's own distribution at its rate of arrivals (R. Marie 1979).

Because at most `concurrency` requests are inside, the past is forgotten within
concurrency / throughput seconds: steady state in each bin is a good model of the day.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner.queueing import LEAST, erlang_b, station
from kennel.planner.result import EDGES
from kennel.planner.settings import Settings
from kennel.planner.times import Floats, Times

Complexes = NDArray[np.complex128]

_LARGE = 256  # executions from which convolutions go by Fourier transform
_SIGMAS = 16  # that a sum of stations may lie above its mean
_LEAST_TILT, _HALVINGS = -60.0, 24  # of the logarithm of t, in _tilted
_CELLS = 1024  # of the time axis on which latencies are added up
_STEEP = 2  # how soon a busy endpoint counts as saturated; 2 to 12 were tried against events.py
_FULL = 4  # how late waits no longer depend on how evenly requests come
_NEVER = 1e-15  # a share that adds nothing to what is summed
_RARE = 1e-4  # a share lost that is too small to be told from rounding by a balance


@dataclass(frozen=True, eq=False)
class Steady:
    """Steady states at several rates of arrivals at Lambda; each array has shape (L,).

    Attributes
    ----------
    lost
        Share turned away for want of an execution.
    refused
        Share of executions whose instance takes no more in.
    timed_out
        Share of executions that give up waiting.
    inside
        Mean executions.
    waiting, working
        Mean requests at the endpoint.
    latency
        Mean seconds of an answer.
    histogram : shape (L, cells)
        Of answers, summing to 1; see result.EDGES.
    """

    rates: Floats
    lost: Floats
    refused: Floats
    timed_out: Floats
    inside: Floats
    waiting: Floats
    working: Floats
    latency: Floats
    histogram: Floats


def solve(
    settings: Settings, rates: Floats, instances: int, peaked: Floats | float = 1.0
) -> Steady:
    """Solve the network for arrivals at `rates` (requests a second).

    Parameters
    ----------
    peaked
        Peakedness of the arrivals, 1 for Poisson. Less of it lessens what Lambda loses, by
        Hayward's approximation (A. Fredericks, Bell Syst. Tech. J. 59, 1980), and the waits at
        the endpoint, by the factor of Allen and Cunneen for arrivals split at random.
    """
    rates = np.maximum(np.asarray(rates, dtype=np.float64), 1e-6)
    peaked = np.broadcast_to(np.asarray(peaked, dtype=np.float64), rates.shape)
    delay, service, limit = settings.work.mean, settings.service, settings.concurrency
    weights = station(rates / instances, service, settings.workers, min(settings.queue, limit))
    number = np.arange(limit + 1)
    others, inside, waits, works = _convolve(
        weights, rates * delay, instances, limit, settings.workers
    )
    seen = _seen_by_arrivals(weights, others, limit)
    refused = seen[:, settings.queue] if settings.queue <= limit - 1 else np.zeros(len(rates))
    load = rates * (1 - refused) * service.mean
    inside = _balanced(
        inside, (number - waits, rates * delay + load), (works, load), instances * settings.workers
    )
    # Whatever the approximation: no more passes than executions and workers can do.
    most = np.minimum(
        limit / (delay + (1 - refused) * service.mean),
        instances * settings.workers / service.mean / np.maximum(1 - refused, LEAST),
    )
    inside = _at_most(inside, most / rates)
    through = rates * (1 - inside[:, limit])
    mean_inside = inside @ number
    taken = np.maximum(through * (1 - refused), 1e-12)
    working = taken * service.mean
    waiting = np.maximum(mean_inside - through * delay - working, 0.0)
    lost, waiting = _paced(
        (inside[:, limit], waiting), peaked, (limit, mean_inside / through * rates),
        (1 + (peaked - 1) / instances + service.cv**2) / (1 + service.cv**2),
        np.clip(working / (instances * settings.workers), 0, 1) ** _FULL,
    )  # fmt: skip
    grown = (1 - lost) / (1 - inside[:, limit])  # more come in, and wait as long
    through, taken, working = through * grown, taken * grown, working * grown
    waiting = waiting * grown
    mean_inside = through * delay + waiting + working
    histogram, timed_out = _latencies(settings, seen, waiting / taken)
    latency = delay + service.mean + waiting / taken
    return Steady(
        rates, lost, refused, (1 - refused) * timed_out, mean_inside, waiting, working, latency,
        histogram,
    )  # fmt: skip


def _convolve(
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


def _paced(
    poisson: tuple[Floats, Floats],
    peaked: Floats,
    loss: tuple[int, Floats],
    factor: Floats,
    full: Floats,
) -> tuple[Floats, Floats]:
    """Return what is lost and how many wait where arrivals are less bursty than Poisson's."""
    (lost, waiting), (limit, load) = poisson, loss
    servers = np.full(len(load), float(limit))
    plain = erlang_b(servers, load)
    calmer = erlang_b(servers / peaked, load / peaked)
    ratio = np.where(plain > LEAST, calmer / np.maximum(plain, LEAST), 1.0)
    # At a saturated endpoint they wait, and are lost, for the endpoint, however evenly they come.
    ratio = 1 - (1 - full) * (1 - np.minimum(ratio, 1.0))
    return lost * ratio, waiting * (1 - (1 - full) * (1 - factor))


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


def _latencies(settings: Settings, seen: Floats, waits: Floats) -> tuple[Floats, Floats]:
    """Return the latency histogram of answers, and the share that gave up; shapes (L, cells), (L,).

    A request that finds k >= workers waits for k - workers + 1 departures: the rest of a service
    over `workers`, then whole ones; the axis of the wait is then stretched to the mean that
    Little's law gives.
    """
    service, workers = settings.service, settings.workers
    most = max(seen.shape[1] - workers, 0)
    longest = service.points[-1] + most * service.mean / workers * 1.5 + service.points[-1]
    longest = min(longest, settings.timeout * 1.5)
    step = longest / _CELLS
    shorter = _transform(service.scaled(1 / workers), step)
    total = np.zeros((len(seen), _CELLS + 1), dtype=np.complex128)
    met = np.flatnonzero(seen.max(axis=0) > _NEVER)
    for count in range(int(met[-1]), workers - 1, -1):
        total = total * shorter + seen[:, count : count + 1]
    total *= _transform(_remaining(service).scaled(1 / workers), step)
    total += seen[:, :workers].sum(axis=1)[:, None]
    wait = np.maximum(np.fft.irfft(total, 2 * _CELLS, axis=1)[:, :_CELLS], 0.0)
    wait /= wait.sum(axis=1, keepdims=True)
    at = np.arange(_CELLS) * step
    mean = wait @ at
    stretch = np.where(mean > 0, waits / np.maximum(mean, 1e-12), 1.0)
    edges = np.concatenate([np.arange(_CELLS) * step + step / 2])
    stretched = np.empty_like(wait)
    for row in range(len(wait)):
        summed = np.interp(edges / max(stretch[row], 1e-3), edges, wait[row].cumsum(), right=1.0)
        stretched[row] = np.diff(summed, prepend=0.0)
    at_endpoint = _sum(stretched, _cells(service, step))
    given_up = at_endpoint[:, at > settings.timeout].sum(axis=1)
    at_endpoint[:, at > settings.timeout] = 0.0
    # Lambda's own work is on the same axis where it fits, else on a wider one.
    wide = max(longest + settings.work.points[-1], longest) / _CELLS
    together = _sum(_regrid(at_endpoint, step, wide), _cells(settings.work, wide))
    return _binned(together, wide), given_up


def _cells(times: Times, step: float) -> Floats:
    """Return a distribution's probabilities on the axis 0, step, 2 step, ...; the mean is kept."""
    place = np.minimum(times.points / step, _CELLS - 1.001)
    low = place.astype(np.int64)
    part = place - low
    share = 1 / len(place)
    found: Floats = np.bincount(low, (1 - part) * share, _CELLS).astype(np.float64)
    found += np.bincount(low + 1, part * share, _CELLS)
    return found


def _remaining(times: Times) -> Times:
    """Return what is left of a time that somebody comes upon: its equilibrium excess."""
    at = np.linspace(0, times.points[-1], 1001)
    above = times.survival(at[:-1])
    chance = np.concatenate([[0.0], above.cumsum() / above.sum()])
    return Times(np.interp((np.arange(1000) + 0.5) / 1000, chance, at))


def _transform(times: Times, step: float) -> Complexes:
    return np.fft.rfft(_cells(times, step), 2 * _CELLS)


def _sum(left: Floats, right: Floats) -> Floats:
    """Return the distribution of a sum."""
    spectrum = np.fft.rfft(left, 2 * _CELLS, axis=-1) * np.fft.rfft(right, 2 * _CELLS)
    found: Floats = np.maximum(np.fft.irfft(spectrum, 2 * _CELLS, axis=-1), 0.0)
    found[..., _CELLS - 1] = found[..., _CELLS - 1 :].sum(axis=-1)
    return found[..., :_CELLS]


def _regrid(found: Floats, step: float, wide: float) -> Floats:
    place = np.arange(_CELLS) * (step / wide)
    low = np.minimum(place.astype(np.int64), _CELLS - 2)
    part = place - low
    out = np.zeros_like(found)
    for row in range(len(found)):
        out[row] = np.bincount(low, found[row] * (1 - part), _CELLS)
        out[row] += np.bincount(low + 1, found[row] * part, _CELLS)
    return out


def _binned(found: Floats, step: float) -> Floats:
    """Put probabilities on an even axis into the histogram's cells, which grow by 3 %."""
    edges = (np.arange(_CELLS) + 0.5) * step  # mass at k step lies between two of these
    out = np.empty((len(found), len(EDGES) + 1))
    for row in range(len(found)):
        summed = found[row].cumsum()
        below = np.interp(EDGES, edges, summed, left=0.0)
        out[row] = np.diff(np.concatenate([[0.0], below, [summed[-1]]]))
        out[row] /= max(out[row].sum(), 1e-300)
    return np.maximum(out, 0.0)
