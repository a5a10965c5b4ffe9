"""How long answers take: the latency of a steady state, as a histogram."""

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.result import EDGES
from kennel.planner.inputs.distributions import Floats, Times
from kennel.planner.inputs.settings import Settings

Complexes = NDArray[np.complex128]

_CELLS = 1024  # of the time axis on which latencies are added up
_NEVER = 1e-15  # a share that adds nothing to what is summed


def latencies(settings: Settings, seen: Floats, waits: Floats) -> tuple[Floats, Floats]:
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
    edges = at + step / 2
    stretched = np.empty_like(wait)
    for row in range(len(wait)):
        summed = np.interp(edges / max(stretch[row], 1e-3), edges, wait[row].cumsum(), right=1.0)
        stretched[row] = np.diff(summed, prepend=0.0)
    at_endpoint = _sum(stretched, _cells(service, step))
    given_up = at_endpoint[:, at > settings.timeout].sum(axis=1)
    at_endpoint[:, at > settings.timeout] = 0.0
    # Lambda's own work is on a wider axis, for both together.
    wide = (longest + settings.work.points[-1]) / _CELLS
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
