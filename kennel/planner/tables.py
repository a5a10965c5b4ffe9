"""Steady states at a grid of rates, looked up many times: why the rate hardly costs anything."""

import bisect
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner import bucket
from kennel.planner.network import Steady, solve
from kennel.planner.settings import MINUTE, Settings
from kennel.planner.times import Floats, Times

_NODES = 32  # rates below twice what the tightest part can take
_BEYOND = 10  # and above
_CALM = 0.3  # times the plan's rate: below, hardly a token is ever missing
_PACES = 16


class Front:
    """The usage plan: what it turns away, and how it paces what it lets through.

    What the bucket does within `span` seconds (a minute) is taken as its steady state.
    """

    def __init__(self, settings: Settings, highest: float, span: float | None = None) -> None:
        self.rate = settings.rate
        self.fast = bucket.fast_burst(settings.rate, settings.burst, span or MINUTE)
        self.slow = float(settings.burst - self.fast)  # carried from bin to bin
        self.rates = _grid(settings.rate, highest)
        self._away = bucket.turned_away(self.rates, settings.rate, self.fast).tolist()
        self._rates = self.rates.tolist()
        self._peakedness: Floats | None = None

    def turned_away(self, rate: float) -> float:
        """Return the share that finds no token at `rate`."""
        return _at(self._rates, self._away, rate)

    def peakedness(self, held: Times) -> Floats:
        """Return the peakedness of what passes at each of `rates`, for executions of `held`."""
        if self._peakedness is None:
            few = np.geomspace(_CALM, 4.0, _PACES) * self.rate  # 1 below, and all paced above
            found = bucket.peakedness(few, self.rate, self.fast, held)
            self._peakedness = np.interp(self.rates, few, found, left=1.0)
        return self._peakedness


@dataclass(frozen=True, eq=False)
class Lookup:
    """Steady states by a rate.

    Attributes
    ----------
    by : ndarray, shape (L,)
        The rate that they are looked up by.
    """

    by: Floats
    steady: Steady
    rates: list[float]
    lost: list[float]
    refused: list[float]
    inside: list[float]
    endpoint: list[float]

    def at(self, column: list[float], rate: float) -> float:
        """Return a column's value at `rate`."""
        return _at(self.rates, column, rate)

    def spread(self, rates: Floats) -> "tuple[NDArray[np.int64], Floats]":
        """Return for each of `rates` the node below it and the share of the node above."""
        nodes = self.by
        low = np.clip(np.searchsorted(nodes, rates, side="right") - 1, 0, len(nodes) - 2)
        part = np.clip((rates - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)
        return low, part


@dataclass(frozen=True, eq=False)
class Table:
    """Lambda and an endpoint of so many instances.

    Attributes
    ----------
    paced
        By the rate at the usage plan, whose pacing the arrivals at Lambda have.
    plain
        By the rate at Lambda, for arrivals that something else decides (saved tokens, the quota).
    """

    paced: Lookup
    plain: Lookup


def build(settings: Settings, front: Front, instances: int) -> Table:
    """Make the table for `instances`."""
    service, work = settings.service, settings.work
    tightest = min(
        settings.concurrency / (work.mean + service.mean),
        instances * settings.workers / service.mean,
    )
    highest = float(front.rates[-1])
    rates = _grid(tightest, highest)
    plain = _lookup(rates, solve(settings, rates, instances))
    by = np.unique(np.concatenate([rates[rates < settings.rate], front.rates]))
    passing = by * (1 - np.array([front.turned_away(rate) for rate in by.tolist()]))
    held = Times(np.sort(work.points) + service.mean)
    peaked = np.interp(by, front.rates, front.peakedness(held))
    return Table(_lookup(by, solve(settings, passing, instances, peaked)), plain)


def _lookup(by: Floats, steady: Steady) -> Lookup:
    return Lookup(
        by, steady, by.tolist(), steady.lost.tolist(), steady.refused.tolist(),
        steady.inside.tolist(), (steady.waiting + steady.working).tolist(),
    )  # fmt: skip


def _grid(critical: float, highest: float) -> Floats:
    """Return rates from 0 up: even up to twice the critical one, then growing by a factor."""
    end = min(2 * critical, max(highest, 1e-3))
    even = np.linspace(0, end, _NODES)
    if highest <= end * 1.001:
        return even
    return np.concatenate([even, np.geomspace(end, highest, _BEYOND + 1)[1:]])


def _at(nodes: list[float], column: list[float], rate: float) -> float:
    high = bisect.bisect_right(nodes, rate)
    if high >= len(nodes):
        return column[-1]
    low = high - 1
    part = (rate - nodes[low]) / (nodes[high] - nodes[low])
    return column[low] + part * (column[high] - column[low])
