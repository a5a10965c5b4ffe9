"""The fast engine: ten seconds at a time, by queueing theory, for days and weeks of traffic.

Within a bin the path is in steady state (see network.py for why that is good). From bin to bin it
carries: tokens that a large burst has saved, the day's quota, warm environments, the scaling
metric, and instances on their way. A day is 8,640 bins whatever the rate.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner import result as ends
from kennel.planner.profile import DAY, Profile
from kennel.planner.queueing import erlang_b
from kennel.planner.result import EDGES, SLOT_S, Result
from kennel.planner.scaling import Fleet
from kennel.planner.settings import BIN_S, MINUTE, Settings
from kennel.planner.tables import Front, Lookup, Table, build
from kennel.planner.times import Floats

_ROUNDS = 12  # of the iteration for repetitions that cause repetitions
_PEAK = 2.4  # standard deviations that the most executions of a bin lie above their mean
_MANY = 0.01  # a share timed out from which steady states are doubtful


@dataclass(frozen=True)
class Passage:
    """What becomes of the attempts of one bin, as counts of attempts."""

    limited: float
    saved: float  # let through by tokens saved earlier
    over_quota: float
    no_execution: float
    queue_full: float
    served: float
    offered: float  # to Lambda

    @property
    def turned_away(self) -> float:
        """Attempts that may be repeated."""
        return self.limited + self.no_execution + self.queue_full


class Estimate:
    """One run: `Estimate(settings, profile, seed).run()`."""

    def __init__(self, settings: Settings, profile: Profile, seed: int) -> None:
        self.settings = settings
        self.profile = profile
        self.counts = _by_the_minute(profile.draw(seed))
        most = float(self.counts.max()) / BIN_S * (1 + settings.retries)
        self.front = Front(settings, most * 1.01 + 0.1)
        self.fleet = Fleet(settings, seed)
        self.tables: dict[int, Table] = {}
        self.saved = self.front.slow
        self.day, self.quota_left = int(profile.start // DAY), float(settings.quota)
        self.peaks: deque[tuple[float, float]] = deque()  # (when, most executions), falling

    def run(self) -> Result:
        """Go through the bins, then look the rest up for all bins at once."""
        settings, bins = self.settings, len(self.counts)
        endings, rates = np.zeros((6, bins)), np.zeros(bins)
        in_service, paid = np.zeros(bins, np.int64), np.zeros(bins, np.int64)
        served, cold, invoked = np.zeros(bins), np.zeros(bins), np.zeros(bins)
        paced = np.zeros(bins, bool)
        attempts = passed = 0.0
        every = self.fleet.rule.period // BIN_S
        away, begun, present = 0.0, 0.0, 0.0
        for number, fresh in enumerate(self.counts.tolist()):
            now = float(number * BIN_S)
            if number and number % every == 0:
                self._observe(now, begun, present / every)
                begun = present = 0.0
            count = self.fleet.settle(now)
            in_service[number], paid[number] = count, self.fleet.paid
            if not fresh:
                self._refill(0.0)
                continue
            table = self._table(count)
            total, found, away = self._passage(fresh, table, away, now)
            extra, lost = self._cold_starts(now, found, *_where(table, found, total))
            found = _moved(found, lost)
            attempts += total
            self._refill(found.limited - total + found.saved, found.saved)
            self.quota_left -= found.offered
            passed += found.offered
            last = fresh * away**settings.retries  # requests at their last attempt
            endings[ends.LIMITED, number] = last * found.limited / total
            endings[ends.NO_EXECUTION, number] = last * found.no_execution / total
            endings[ends.QUEUE_FULL, number] = last * found.queue_full / total
            endings[ends.OVER_QUOTA, number] = found.over_quota
            ended = endings[:, number].sum()
            served[number] = max(fresh - ended, 0.0)
            look, at = _where(table, found, total)
            paced[number], rates[number], cold[number] = look is table.paced, at, extra
            invoked[number] = found.offered - found.no_execution
            begun += invoked[number]
            present += look.at(look.endpoint, at)
        outcome = self._looked_up(endings, (rates, paced), served, in_service, cold)
        outcome.in_service, outcome.paid = in_service, paid
        outcome.attempts, outcome.passed = attempts, passed
        outcome.invocations = float(invoked.sum())
        outcome.cold_starts, outcome.scaling = float(cold.sum()), self.fleet.why
        return outcome

    # one bin

    def _passage(
        self, fresh: float, table: Table, away: float, now: float
    ) -> tuple[float, Passage, float]:
        """Return attempts, what became of them, and the share that was turned away."""
        tries = self.settings.retries
        found = self._attempts(fresh, table, now)
        if not tries:
            return fresh, found, found.turned_away / fresh
        for _ in range(_ROUNDS):
            total = fresh * sum(away**number for number in range(tries + 1))
            found = self._attempts(total, table, now)
            away = found.turned_away / total
        total = fresh * sum(away**number for number in range(tries + 1))
        return total, self._attempts(total, table, now), away

    def _attempts(self, total: float, table: Table, now: float) -> Passage:
        rate = total / BIN_S
        limited = total * self.front.turned_away(rate)
        saved = min(self.saved, limited)
        limited -= saved
        day = int((self.profile.start + now) // DAY)
        if day != self.day:
            self.day, self.quota_left = day, float(self.settings.quota)
        offered = min(total - limited, self.quota_left)
        over = total - limited - offered
        calm = not saved and over < 1
        look, at = (table.paced, rate) if calm else (table.plain, offered / BIN_S)
        no_execution = offered * look.at(look.lost, at)
        queue_full = (offered - no_execution) * look.at(look.refused, at)
        served = offered - no_execution - queue_full
        return Passage(limited, saved, over, no_execution, queue_full, served, offered)

    def _refill(self, taken: float, saved: float = 0.0) -> None:
        """Put tokens that nobody took into the part of the bucket that is carried over."""
        spare = max(self.front.rate * BIN_S + taken, 0.0)
        self.saved = min(self.front.slow, self.saved - saved + spare)

    def _cold_starts(
        self, now: float, found: Passage, look: Lookup, at: float
    ) -> tuple[float, float]:
        """Return environments started in the bin, and requests lost while those start.

        Of n executions at once the n-th environment stays warm for `keep_warm` after it was last
        needed, so what is warm is the most that there were within that time.
        """
        settings = self.settings
        mean = look.at(look.inside, at)
        peak = min(mean + _PEAK * math.sqrt(mean) + 0.5, settings.concurrency, found.offered)
        while self.peaks and self.peaks[0][0] < now - settings.keep_warm:
            self.peaks.popleft()
        warm = max(self.peaks[0][1] if self.peaks else 0.0, settings.provisioned)
        while self.peaks and self.peaks[-1][1] <= peak:
            self.peaks.pop()
        self.peaks.append((now, peak))
        started = max(peak - warm, 0.0)
        seconds = settings.cold_start.mean
        if started < 0.5 or seconds <= 0:  # noqa: PLR2004  # less than one
            return started, 0.0
        rate = found.offered / BIN_S
        held = settings.work.mean + settings.service.mean
        left = max(settings.concurrency - started, 0.0)
        share = float(erlang_b(np.array(left), np.array(rate * held)))
        return started, min(max(rate * seconds - started, 0.0) * share, found.served)

    def _observe(self, now: float, begun: float, present: float) -> None:
        metric: float | None = None
        if begun:
            by_count = self.settings.metric == "invocations"
            metric = (begun if by_count else present) / self.fleet.settle(now)
        self.fleet.observe(now, metric)

    def _table(self, instances: int) -> Table:
        if instances not in self.tables:
            self.tables[instances] = build(self.settings, self.front, instances)
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
        busy = 0.0
        looks = [(count, look, look is table.paced) for count, table in self.tables.items()
                 for look in (table.paced, table.plain)]  # fmt: skip
        for count, look, kind in looks:
            those = np.flatnonzero((counts == count) & (rates > 0) & (paced == kind))
            low, part = look.spread(rates[those])

            def mixed(column: Floats, low: NDArray[np.int64] = low, part: Floats = part) -> Floats:
                value: Floats = column[low] * (1 - part) + column[low + 1] * part
                return value

            steady = look.steady
            given_up = served[those] * mixed(steady.timed_out)
            answered = served[those] - given_up
            endings[ends.TIMED_OUT, those] = given_up
            endings[ends.ANSWERED, those] = answered
            found.latency[those] = answered * mixed(steady.latency)
            found.latency[those] += cold[those] * settings.cold_start.mean
            found.waiting[those] = mixed(steady.waiting)
            found.working[those] = mixed(steady.working)
            found.executions[those] = mixed(steady.inside)
            weights = np.zeros((slots, len(look.rates)))
            np.add.at(weights, (slot[those], low), answered * (1 - part))
            np.add.at(weights, (slot[those], low + 1), answered * part)
            found.histogram += weights @ steady.histogram
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


def _where(table: Table, found: Passage, total: float) -> tuple[Lookup, float]:
    """Return where a bin's steady state is looked up."""
    if found.saved or found.over_quota >= 1:
        return table.plain, found.offered / BIN_S
    return table.paced, total / BIN_S


def _moved(found: Passage, lost: float) -> Passage:
    return Passage(
        found.limited, found.saved, found.over_quota, found.no_execution + lost, found.queue_full,
        found.served - lost, found.offered,
    )  # fmt: skip


def estimate(settings: Settings, profile: Profile, seed: int = 0) -> Result:
    """Estimate what becomes of `profile`, by bins.

    Parameters
    ----------
    seed
        The same seed gives the same run, and the same traffic to the other engine.
    """
    return Estimate(settings.checked(), profile, seed).run()
