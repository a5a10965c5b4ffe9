"""The way in, a stretch of time at a go: usage plan, quota, and Lambda's executions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.engines.steady_state_cache import Front, Lookup, Table
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, Settings
from kennel.planner.inputs.traffic import DAY, Profile

_SMOOTH_S = 5.0  # over which a rate is averaged that a steady state is looked up by


@dataclass(frozen=True)
class Passage:
    """What became of attempts, as counts; and where their steady state is found.

    Attributes
    ----------
    ended : sequence of float
        Requests turned away for good: limited, over quota, no execution, queue full.
    attempts, offered, begun, served : float
        Attempts made, those that reached Lambda, executions begun, and requests that the
        endpoint took in.
    """

    ended: Sequence[float]
    attempts: float
    offered: float
    begun: float
    served: float
    look: Lookup
    at: float


class Entrance:
    """What the way in remembers: tokens that a large burst has saved, and the day's quota."""

    def __init__(self, settings: Settings, profile: Profile, highest: float) -> None:
        self.settings = settings
        # Repetitions come after a second or two: what the bucket does within that time is
        # steady state, and the rest of its course is followed.
        self.parts = round(BIN_S / (1.5 * settings.retry_after)) if settings.retries else 1
        self.parts = min(max(self.parts, 1), 20)
        self.front = Front(settings, highest, BIN_S / self.parts if settings.retries else None)
        self._saved = self.front.slow
        self._start = profile.start
        self._day, self._quota = int(profile.start // DAY), float(settings.quota)

    def pass_through(self, total: float, seconds: float, now: float, table: Table) -> Passage:
        """Let `total` attempts in within `seconds`, none of them repeated."""
        return self._attempts(total, total / seconds, seconds, now, table)

    def _attempts(
        self, total: float, smooth: float, seconds: float, now: float, table: Table
    ) -> Passage:
        rate = total / seconds
        away = total * self.front.turned_away(rate)
        spare = max(self.front.rate * seconds - (total - away), 0.0)
        saved = min(self._saved, away)
        self._saved = min(self._saved - saved + spare, self.front.slow)
        limited = away - saved
        offered = min(total - limited, self._quota_left(now))
        over = total - limited - offered
        self._quota -= offered
        if saved or over >= 1:  # something else than the bucket's pace decides
            look, at = table.plain, smooth * offered / total if total else 0.0
        else:
            look, at = table.paced, smooth
        no_execution = offered * look.at(look.lost, at)
        begun = offered - no_execution
        queue_full = begun * look.at(look.refused, at)
        ended = (limited, over, no_execution, queue_full)
        return Passage(ended, total, offered, begun, begun - queue_full, look, at)

    def _quota_left(self, now: float) -> float:
        day = int((self._start + now) // DAY)
        if day != self._day:
            self._day, self._quota = day, float(self.settings.quota)
        return self._quota


class Repeating(Entrance):
    """The way in for clients that come again: in parts as long as they wait."""

    def __init__(self, settings: Settings, profile: Profile, highest: float, seed: int) -> None:
        super().__init__(settings, profile, highest * (1 + settings.retries))
        self._random = np.random.default_rng([seed, 3])
        self._due = np.zeros(settings.retries + 1)  # by repetitions made; the first are fresh
        self._rate: float | None = None

    def pass_through(self, total: float, seconds: float, now: float, table: Table) -> Passage:
        """Let `total` fresh requests in, and those that come again."""
        span = seconds / self.parts
        ended, sums = np.zeros(4), np.zeros(5)
        found = None
        for fresh in self._spread(total):
            self._due[0] = fresh
            many = float(self._due.sum())
            if not many:
                continue
            rate = many / span
            share = min(1.0, span / _SMOOTH_S)
            self._rate = rate if self._rate is None else self._rate + share * (rate - self._rate)
            found = self._attempts(many, self._rate, span, now, table)
            self._repeat(found, ended)
            sums += (found.attempts, found.offered, found.begun, found.served, found.at)
        if found is None:
            return super().pass_through(0.0, seconds, now, table)
        attempts, offered, begun, served, at = sums.tolist()
        return Passage(
            ended.tolist(), attempts, offered, begun, served, found.look, at / self.parts
        )

    def finish(self, ended: Floats) -> float:
        """End those still waiting to come again as turned away for want of an execution."""
        left = float(self._due[1:].sum())
        ended[2] += left
        return left

    def _repeat(self, found: Passage, ended: Floats) -> None:
        """Send those turned away for another round, or home."""
        away = np.array([found.ended[0], 0.0, found.ended[2], found.ended[3]])
        share = self._due / found.attempts
        ended[1] += found.ended[1]  # to come again in a second would not help
        ended += away * share[-1]
        again = float(away.sum()) * share[:-1]
        self._due[0] = 0.0
        self._due[1:] = again

    def _spread(self, total: float) -> list[float]:
        """Spread a bin's requests over its parts as they would come."""
        counts = self._random.multinomial(round(total), np.full(self.parts, 1 / self.parts))
        return [float(count) for count in counts]
