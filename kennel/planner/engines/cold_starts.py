"""Cold starts in the analytic engine: how many Lambda environments are warm in each bin."""

import math
from collections import deque
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from kennel.planner.engines.admission import AdmissionResult
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.engines.result import ANSWERED, EDGES, SLOT_S, Result
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, PlanSettings


class ColdStarts(NamedTuple):
    """Cold starts of a bin.

    Attributes
    ----------
    started
        Environments started.
    lost
        Requests lost because the starting environments hold all executions.
    """

    started: float
    lost: float


class WarmEnvironments:
    """The number of warm environments, followed from bin to bin.

    The n-th of n concurrent executions keeps its environment warm for `keep_warm` after it was
    last needed, so the number of warm environments is the maximum of concurrent executions within
    that time. Their number is Poisson; its maximum is taken as the quantile that is exceeded about
    once in that time, by the expansion of E. Cornish and R. Fisher (1938).
    """

    def __init__(self, settings: PlanSettings) -> None:
        self.settings = settings
        self._maxima: deque[tuple[float, float]] = deque()  # (time, environments), descending

    def start(self, now: float, admission: AdmissionResult) -> ColdStarts:
        """Return the cold starts of a bin.

        A request that finds all warm environments busy starts another one, which serves other
        requests only once it is warm.
        """
        settings = self.settings
        mean = admission.cache.interpolate(admission.cache.inside, admission.rate)
        while self._maxima and self._maxima[0][0] < now - settings.keep_warm:
            self._maxima.popleft()
        warm = max(self._maxima[0][1] if self._maxima else 0.0, settings.provisioned)
        started, lost = 0.0, 0.0
        requests = max(admission.admitted / BIN_S * settings.keep_warm, 2.0)
        deviate = NormalDist().inv_cdf(1 - 1 / requests)
        peak = mean + deviate * math.sqrt(mean) + (deviate * deviate - 1) / 6 + 0.5
        peak = min(max(peak, 1.0), settings.concurrency)
        if warm < peak:
            start_time = settings.cold_start.mean
            rate = admission.admitted / BIN_S
            execution_time = settings.work.mean + settings.service.mean
            most = min(settings.concurrency - warm, admission.accepted)
            until_warm = min(start_time + execution_time, BIN_S)
            started = min(rate * until_warm * _blocking(warm, mean), most)
            later = rate * (BIN_S - until_warm) * _blocking(warm + started, mean)
            blocking = _blocking(max(settings.concurrency - started, 0.0), mean)
            lost = max(rate * min(start_time, BIN_S) - started, 0.0) * blocking
            lost = min(lost, admission.accepted) * min(started, 1.0)
            started = min(started + later, most)
        needed = warm + started if started >= 1 else min(warm + started, peak)
        while self._maxima and self._maxima[-1][1] <= needed:
            self._maxima.pop()
        self._maxima.append((now, needed))
        return ColdStarts(started, lost)


def add_cold_start_latency(result: Result, cold: Floats) -> None:
    """Add the duration of cold starts to the latency of as many answers of each bin.

    Parameters
    ----------
    cold : ndarray, shape (bins,)
        Cold starts.
    """
    seconds = result.settings.cold_start.mean
    answered = result.outcomes[ANSWERED]
    for number in np.flatnonzero((cold > 0) & (answered > 0)).tolist():
        delayed = min(float(cold[number]), float(answered[number]))
        warm_latency = float(result.latency[number] / answered[number])
        row = result.histogram[number * BIN_S // SLOT_S]
        row *= 1 - delayed / row.sum()
        row[np.searchsorted(EDGES, warm_latency + seconds)] += delayed
        result.latency[number] += delayed * seconds


def _blocking(environments: float, load: float) -> float:
    """Return the blocking probability of `environments` at an offered load in Erlang."""
    return float(erlang_b(np.array(environments), np.array(load)))
