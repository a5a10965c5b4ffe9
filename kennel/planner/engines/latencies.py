"""Latency distribution of the answers in a steady state."""

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.result import EDGES
from kennel.planner.inputs.distributions import Distribution, Floats
from kennel.planner.inputs.settings import PlanSettings

Complexes = NDArray[np.complex128]

_CELLS = 1024  # of the time axis on which durations are convolved
_NEGLIGIBLE = 1e-15  # a probability that changes no sum


def answer_latencies(
    settings: PlanSettings, found_by_arrivals: Floats, mean_waits: Floats
) -> tuple[Floats, Floats]:
    """Return the latency histogram of answers, and the share of calls that time out.

    A request that finds k >= workers waits for k - workers + 1 departures: the residual of a
    service time divided by `workers`, then whole ones. The time axis of the wait is then stretched
    to the mean that Little's law gives.

    Parameters
    ----------
    found_by_arrivals : ndarray, shape (L, capacity + 1)
        Probabilities of the number that an arrival finds at its instance.
    mean_waits : ndarray, shape (L,)
        Seconds.

    Returns
    -------
    histogram : ndarray, shape (L, cells)
        Each row sums to 1; see result.EDGES.
    timed_out : ndarray, shape (L,)
        Shares.
    """
    service, workers = settings.service, settings.workers
    most_ahead = max(found_by_arrivals.shape[1] - workers, 0)
    longest = 2 * service.points[-1] + most_ahead * service.mean / workers * 1.5
    longest = min(longest, settings.timeout * 1.5)
    step = longest / _CELLS
    wait = _waits(service, workers, found_by_arrivals, step)
    wait = _stretch_to_mean(wait, step, mean_waits)
    at_endpoint = _convolve(wait, _on_grid(service, step))
    late = np.arange(_CELLS) * step > settings.timeout
    timed_out = at_endpoint[:, late].sum(axis=1)
    at_endpoint[:, late] = 0.0
    # The sum with Lambda's own work needs a longer axis.
    wide_step = (longest + settings.work.points[-1]) / _CELLS
    latency = _convolve(_regrid(at_endpoint, step, wide_step), _on_grid(settings.work, wide_step))
    return _to_histogram(latency, wide_step), timed_out


def _waits(service: Distribution, workers: int, found_by_arrivals: Floats, step: float) -> Floats:
    """Return the distribution of the wait on the time axis, shape (L, _CELLS)."""
    departure = _transform(service.scaled(1 / workers), step)
    spectrum = np.zeros((len(found_by_arrivals), _CELLS + 1), dtype=np.complex128)
    occurring = np.flatnonzero(found_by_arrivals.max(axis=0) > _NEGLIGIBLE)
    for count in range(int(occurring[-1]), workers - 1, -1):  # Horner's scheme
        spectrum = spectrum * departure + found_by_arrivals[:, count : count + 1]
    spectrum *= _transform(_residual(service).scaled(1 / workers), step)
    spectrum += found_by_arrivals[:, :workers].sum(axis=1)[:, None]
    wait = np.maximum(np.fft.irfft(spectrum, 2 * _CELLS, axis=1)[:, :_CELLS], 0.0)
    total: Floats = wait / wait.sum(axis=1, keepdims=True)
    return total


def _stretch_to_mean(probabilities: Floats, step: float, means: Floats) -> Floats:
    """Stretch the time axis of each row so that its mean becomes `means`, in seconds."""
    at = np.arange(_CELLS) * step
    mean = probabilities @ at
    factors = np.where(mean > 0, means / np.maximum(mean, 1e-12), 1.0)
    edges = at + step / 2
    stretched = np.empty_like(probabilities)
    for row, factor in enumerate(factors.tolist()):
        cumulative = np.interp(
            edges / max(factor, 1e-3), edges, probabilities[row].cumsum(), right=1.0
        )
        stretched[row] = np.diff(cumulative, prepend=0.0)
    return stretched


def _on_grid(times: Distribution, step: float) -> Floats:
    """Return a distribution's probabilities at 0, step, 2 step, ..., with the same mean."""
    position = np.minimum(times.points / step, _CELLS - 1.001)
    low = position.astype(np.int64)
    fraction = position - low
    weight = 1 / len(position)
    grid: Floats = np.bincount(low, (1 - fraction) * weight, _CELLS).astype(np.float64)
    grid += np.bincount(low + 1, fraction * weight, _CELLS)
    return grid


def _residual(times: Distribution) -> Distribution:
    """Return the residual (equilibrium excess) of a duration, as an arrival at random finds it."""
    at = np.linspace(0, times.points[-1], 1001)
    survival = times.survival(at[:-1])
    cumulative = np.concatenate([[0.0], survival.cumsum() / survival.sum()])
    return Distribution(np.interp((np.arange(1000) + 0.5) / 1000, cumulative, at))


def _transform(times: Distribution, step: float) -> Complexes:
    return np.fft.rfft(_on_grid(times, step), 2 * _CELLS)


def _convolve(left: Floats, right: Floats) -> Floats:
    """Return the distribution of a sum; what exceeds the axis is put into its last cell."""
    spectrum = np.fft.rfft(left, 2 * _CELLS, axis=-1) * np.fft.rfft(right, 2 * _CELLS)
    total: Floats = np.maximum(np.fft.irfft(spectrum, 2 * _CELLS, axis=-1), 0.0)
    total[..., _CELLS - 1] = total[..., _CELLS - 1 :].sum(axis=-1)
    return total[..., :_CELLS]


def _regrid(probabilities: Floats, step: float, wide_step: float) -> Floats:
    """Return probabilities on an axis with longer steps, with the same mean."""
    position = np.arange(_CELLS) * (step / wide_step)
    low = np.minimum(position.astype(np.int64), _CELLS - 2)
    fraction = position - low
    wide = np.zeros_like(probabilities)
    for row in range(len(probabilities)):
        wide[row] = np.bincount(low, probabilities[row] * (1 - fraction), _CELLS)
        wide[row] += np.bincount(low + 1, probabilities[row] * fraction, _CELLS)
    return wide


def _to_histogram(probabilities: Floats, step: float) -> Floats:
    """Return probabilities on an even axis as histograms with the cells of result.EDGES."""
    edges = (np.arange(_CELLS) + 0.5) * step  # mass at k step lies between two of these
    histogram = np.empty((len(probabilities), len(EDGES) + 1))
    for row in range(len(probabilities)):
        cumulative = probabilities[row].cumsum()
        below = np.interp(EDGES, edges, cumulative, left=0.0)
        histogram[row] = np.diff(np.concatenate([[0.0], below, [cumulative[-1]]]))
        histogram[row] /= max(histogram[row].sum(), 1e-300)
    return np.maximum(histogram, 0.0)
