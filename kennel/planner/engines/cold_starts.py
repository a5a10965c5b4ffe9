"""Cold starts, a stretch of time at a go: which of Lambda's environments are warm."""

import math
from collections import deque
from statistics import NormalDist

import numpy as np

from kennel.planner.engines.admission import Passage
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.engines.result import ANSWERED, EDGES, SLOT_S, Result
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, Settings


class Warmth:
    """Environments that are warm.

    Of n executions at once the n-th environment stays warm for `keep_warm` after it was last
    needed, so what is warm is the most that there were within that time: of a Poisson number of
    executions, what is exceeded about once in it (E. Cornish and R. Fisher 1938 for the quantile).
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._most: deque[tuple[float, float]] = deque()  # (when, environments), falling

    def start(self, now: float, found: Passage) -> tuple[float, float]:
        """Return environments started in a bin, and requests lost while those start.

        Whoever finds all warm ones busy starts one more, which serves others only once it is warm.
        """
        settings = self.settings
        mean = found.look.at(found.look.inside, found.at)
        while self._most and self._most[0][0] < now - settings.keep_warm:
            self._most.popleft()
        warm = max(self._most[0][1] if self._most else 0.0, settings.provisioned)
        started, lost = 0.0, 0.0
        often = max(found.offered / BIN_S * settings.keep_warm, 2.0)
        away = NormalDist().inv_cdf(1 - 1 / often)
        usual = mean + away * math.sqrt(mean) + (away * away - 1) / 6 + 0.5
        usual = min(max(usual, 1.0), settings.concurrency)
        if warm < usual:
            seconds = settings.cold_start.mean
            rate = found.offered / BIN_S
            held = settings.work.mean + settings.service.mean
            room = min(settings.concurrency - warm, found.served)
            at_first = min(seconds + held, BIN_S)
            started = min(rate * at_first * _all_busy(warm, mean), room)
            later = rate * (BIN_S - at_first) * _all_busy(warm + started, mean)
            share = _all_busy(max(settings.concurrency - started, 0.0), mean)
            lost = min(max(rate * min(seconds, BIN_S) - started, 0.0) * share, found.served)
            lost *= min(started, 1.0)
            started = min(started + later, room)
        needed = warm + started if started >= 1 else min(warm + started, usual)
        while self._most and self._most[-1][1] <= needed:
            self._most.pop()
        self._most.append((now, needed))
        return started, lost


def add_late(result: Result, cold: Floats) -> None:
    """Make those of each bin's answers that started cold as late as they are."""
    seconds = result.settings.cold_start.mean
    answered = result.endings[ANSWERED]
    for number in np.flatnonzero((cold > 0) & (answered > 0)).tolist():
        late = min(float(cold[number]), float(answered[number]))
        usual = float(result.latency[number] / answered[number])
        row = result.histogram[number * BIN_S // SLOT_S]
        row *= 1 - late / row.sum()
        row[np.searchsorted(EDGES, usual + seconds)] += late
        result.latency[number] += late * seconds


def _all_busy(environments: float, load: float) -> float:
    return float(erlang_b(np.array(environments), np.array(load)))
