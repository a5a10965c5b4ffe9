"""Steady states at a grid of rates, looked up many times: why the rate hardly costs anything."""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines import token_bucket
from kennel.planner.engines.pacing import Evenness
from kennel.planner.engines.steady_state import Steady, solve
from kennel.planner.engines.token_bucket import Dispersion
from kennel.planner.inputs.distributions import Floats, Times
from kennel.planner.inputs.settings import MINUTE, Settings

_NODES = 32  # rates below twice what the tightest part can take
_BEYOND = 10  # and above
_CALM = 0.3  # times the plan's rate: below, hardly a token is ever missing
_PACES = 16
_BUSIEST = 0.99  # of an instance, beyond which a busy period has no end
_FINE = 4  # steps of a service time in which the bucket is followed
_TOGETHER = 6  # neighbouring rates that are solved at once


class Front:
    """The usage plan: what it turns away, and how it paces what it lets through.

    What the bucket does within `span` seconds (a minute) is taken as its steady state.
    """

    def __init__(self, settings: Settings, highest: float, span: float | None = None) -> None:
        self.rate = settings.rate
        self.fast = token_bucket.fast_burst(settings.rate, settings.burst, span or MINUTE)
        self.slow = float(settings.burst - self.fast)  # carried from bin to bin
        self.rates = _grid(settings.rate, highest)
        self._away = token_bucket.turned_away(self.rates, settings.rate, self.fast).tolist()
        self._rates = self.rates.tolist()
        self._dispersion: Dispersion | None = None

    def turned_away(self, rate: float) -> float:
        """Return the share that finds no token at `rate`."""
        return _at(self._rates, self._away, rate)

    def dispersion(self, work: Times, step: float) -> Dispersion:
        """Return how evenly requests come to the endpoint; `step` is how finely it is followed."""
        if self._dispersion is None:
            few = np.geomspace(_CALM, 4.0, _PACES) * self.rate
            self._dispersion = token_bucket.dispersion(few, self.rate, self.fast, work, step)
        return self._dispersion


class Lookup:
    """Steady states by a rate; solved when first asked for, some neighbours together.

    Attributes
    ----------
    by : ndarray, shape (L,)
        The rate that they are looked up by.
    """

    def __init__(self, by: Floats, solver: Callable[[slice], Steady]) -> None:
        self.by = by
        self.rates: list[float] = by.tolist()
        self.lost, self.refused, self.inside, self.endpoint = ([0.0] * len(by) for _ in range(4))
        self._solver = solver
        self._solved: list[Steady | None] = [None] * (-(-len(by) // _TOGETHER))

    def at(self, column: list[float], rate: float) -> float:
        """Return a column's value at `rate`."""
        high = min(bisect.bisect_right(self.rates, rate), len(self.rates) - 1)
        self._solve((high - 1) // _TOGETHER)
        self._solve(high // _TOGETHER)
        return _at(self.rates, column, rate)

    def spread(self, rates: Floats) -> "tuple[NDArray[np.int64], Floats]":
        """Return for each of `rates` the node below it and the share of the node above."""
        nodes = self.by
        low = np.clip(np.searchsorted(nodes, rates, side="right") - 1, 0, len(nodes) - 2)
        part = np.clip((rates - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)
        return low, part

    def steady(self, first: int, last: int) -> Steady:
        """Return the steady states of the nodes from `first` to `last`, both included."""
        groups = range(first // _TOGETHER, last // _TOGETHER + 1)
        cut = slice(first - groups[0] * _TOGETHER, last + 1 - groups[0] * _TOGETHER)
        found = [self._solve(group) for group in groups]
        names = [each.name for each in fields(Steady)]
        return Steady(*(np.concatenate([getattr(s, n) for s in found])[cut] for n in names))

    def _solve(self, group: int) -> Steady:
        found = self._solved[group]
        if found is None:
            those = slice(group * _TOGETHER, (group + 1) * _TOGETHER)
            found = self._solved[group] = self._solver(those)
            self.lost[those] = found.lost.tolist()
            self.refused[those] = found.refused.tolist()
            self.inside[those] = found.inside.tolist()
            self.endpoint[those] = (found.waiting + found.working).tolist()
        return found


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
    plain = Lookup(rates, lambda those: solve(settings, rates[those], instances))
    by = np.unique(np.concatenate([rates[rates < settings.rate], front.rates]))
    passing = by * (1 - np.array([front.turned_away(rate) for rate in by.tolist()]))
    # How evenly they come matters within an execution's work and a busy period of its instance,
    # which is over at the latest when all that the executions can bring has been worked off.
    each = service.mean / settings.workers
    free = 1 - np.minimum(passing * each / instances, _BUSIEST)
    spans = work.mean + np.minimum(each / free, settings.concurrency * each / instances)
    dispersion = front.dispersion(work, service.mean / _FINE)
    held = np.full(len(by), work.mean + service.mean)
    all_, left = dispersion.at(by, held), dispersion.at(by, spans)

    def solved(those: slice) -> Steady:
        even = Evenness(all_[those], left[those])
        return solve(settings, passing[those], instances, even)

    paced = Lookup(by, solved)
    return Table(paced, plain)


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
