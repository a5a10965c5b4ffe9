"""The fast engine: ten seconds at a time, by queueing theory, for days and weeks of traffic.

Within a bin the path is in steady state (see network.py for why that is good). From bin to bin it
carries: tokens that a large burst has saved, the day's quota, warm environments, the scaling
metric, and instances on their way. A day is 8,640 bins whatever the rate.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines import result as ends
from kennel.planner.engines.admission import Entrance, Repeating
from kennel.planner.engines.autoscaling import Fleet
from kennel.planner.engines.cold_starts import Warmth, add_late
from kennel.planner.engines.result import EDGES, SLOT_S, Result
from kennel.planner.engines.steady_state_cache import Table, build
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, MINUTE, Settings
from kennel.planner.inputs.traffic import Profile

_MANY = 0.01  # a share timed out from which steady states are doubtful


class Estimate:
    """One run: `Estimate(settings, profile, seed).run()`."""

    def __init__(self, settings: Settings, profile: Profile, seed: int) -> None:
        self.settings = settings
        self.profile = profile
        drawn = profile.draw(seed)
        highest = float(drawn.max()) / BIN_S * 1.01 + 0.1
        self.counts: NDArray[Any] = drawn
        if settings.retries:
            self.entrance: Entrance = Repeating(settings, profile, highest * 1.3, seed)
        else:
            self.entrance = Entrance(settings, profile, highest)
            self.counts = _by_the_minute(drawn)
        self.fleet = Fleet(settings, seed)
        self.tables: dict[int, Table] = {}
        self.warmth = Warmth(settings)

    def run(self) -> Result:
        """Go through the bins, then look the rest up for all bins at once."""
        bins = len(self.counts)
        endings, rates = np.zeros((6, bins)), np.zeros(bins)
        in_service, paid = np.zeros(bins, np.int64), np.zeros(bins, np.int64)
        served, cold, invoked = np.zeros(bins), np.zeros(bins), np.zeros(bins)
        paced = np.zeros(bins, bool)
        attempts = passed = 0.0
        every = self.fleet.rule.period // BIN_S
        begun = present = 0.0
        for number, fresh in enumerate(self.counts.tolist()):
            now = float(number * BIN_S)
            if number and number % every == 0:
                self._observe(now, begun, present / every)
                begun = present = 0.0
            count = self.fleet.settle(now)
            in_service[number], paid[number] = count, self.fleet.paid
            table = self._table(count)
            found = self.entrance.pass_through(fresh, BIN_S, now, table)
            if not found.attempts:
                continue
            extra, lost = self.warmth.start(now, found)
            paced[number], rates[number], cold[number] = found.look is table.paced, found.at, extra
            endings[ends.LIMITED : ends.TIMED_OUT, number] = found.ended
            endings[ends.NO_EXECUTION, number] += lost
            served[number] = found.served - lost
            attempts += found.attempts
            passed += found.offered
            invoked[number] = found.begun - lost
            begun += invoked[number]
            present += found.look.at(found.look.endpoint, found.at)
        self._finish(endings)
        outcome = self._looked_up(endings, (rates, paced), served, in_service, cold)
        outcome.in_service, outcome.paid = in_service, paid
        outcome.attempts, outcome.passed = attempts, passed
        outcome.invocations = float(invoked.sum())
        outcome.cold_starts, outcome.scaling = float(cold.sum()), self.fleet.why
        return outcome

    # one bin

    def _finish(self, endings: Floats) -> None:
        if isinstance(self.entrance, Repeating):
            self.entrance.finish(endings[ends.LIMITED : ends.TIMED_OUT, -1])

    def _observe(self, now: float, begun: float, present: float) -> None:
        metric: float | None = None
        if begun:
            by_count = self.settings.metric == "invocations"
            metric = (begun if by_count else present) / self.fleet.settle(now)
        self.fleet.observe(now, metric)

    def _table(self, instances: int) -> Table:
        if instances not in self.tables:
            self.tables[instances] = build(self.settings, self.entrance.front, instances)
        return self.tables[instances]

    # all bins at once

    def _looked_up(
        self,
        endings: Floats,
        where: tuple[Floats, NDArray[np.bool_]],
        served: Floats,
        counts: NDArray[np.int64],
        cold: Floats,
    ) -> Result:
        """Add latencies and what was inside, from each bin's steady state."""
        rates, paced = where
        bins, settings = len(rates), self.settings
        slots = -(-bins * BIN_S // SLOT_S)
        slot = np.arange(bins) * BIN_S // SLOT_S
        found = Result(
            settings, self.profile, endings, np.zeros(bins), np.zeros((slots, len(EDGES) + 1)),
            np.zeros(bins), np.zeros(bins), np.zeros(bins), counts, counts,
        )  # fmt: skip
        looks = [(count, look, look is table.paced) for count, table in self.tables.items()
                 for look in (table.paced, table.plain)]  # fmt: skip
        for count, look, kind in looks:
            those = np.flatnonzero((counts == count) & (rates > 0) & (paced == kind))
            if not len(those):
                continue
            low, part = look.spread(rates[those])
            first = int(low.min())
            steady, low = look.steady(first, int(low.max()) + 1), low - first

            def mixed(column: Floats, low: NDArray[np.int64] = low, part: Floats = part) -> Floats:
                value: Floats = column[low] * (1 - part) + column[low + 1] * part
                return value

            given_up = served[those] * mixed(steady.timed_out)
            answered = served[those] - given_up
            endings[ends.TIMED_OUT, those] = given_up
            endings[ends.ANSWERED, those] = answered
            found.latency[those] = answered * mixed(steady.latency)
            found.waiting[those] = mixed(steady.waiting)
            found.working[those] = mixed(steady.working)
            found.executions[those] = mixed(steady.inside)
            minutes, row = np.unique(slot[those], return_inverse=True)
            weights = np.zeros((len(minutes), len(steady.rates)))
            np.add.at(weights, (row, low), answered * (1 - part))
            np.add.at(weights, (row, low + 1), answered * part)
            found.histogram[minutes] += weights @ steady.histogram
        add_late(found, cold)
        busy = float(found.executions.sum()) * BIN_S + float(cold.sum()) * settings.cold_start.mean
        found.busy_seconds = busy
        late = found.ended(ends.TIMED_OUT) / max(found.requests, 1.0)
        if late > _MANY:
            found.notes.append(
                f"{100 * late:.1f} % time out: a request that gave up is still worked on, which "
                "the fast engine leaves out; ask the exact one (--engine events)"
            )
        return found


def _by_the_minute(counts: NDArray[np.int64]) -> Floats:
    """Spread each minute's requests evenly over its bins.

    How they stray within a minute is in the steady states already, and would count twice.
    """
    bins = MINUTE // BIN_S
    starts = np.arange(0, len(counts), bins)
    sizes = np.diff(np.append(starts, len(counts)))
    return np.repeat(np.add.reduceat(counts, starts) / sizes, sizes)


def estimate(settings: Settings, profile: Profile, seed: int = 0) -> Result:
    """Estimate what becomes of `profile`, by bins.

    Parameters
    ----------
    seed
        The same seed gives the same run, and the same traffic to the other engine.
    """
    return Estimate(settings.checked(), profile, seed).run()
