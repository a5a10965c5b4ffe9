"""The exact engine: every request on its own, in SimPy.

Exact of the model that docs/planner.md draws, not of AWS. It handles some tens of thousands of
requests a second of computing, so it is for minutes and hours of traffic; bins.py does days.
"""

import bisect
import heapq
from collections import deque
from collections.abc import Generator, Iterator

import numpy as np
import simpy

from kennel.planner.engines import result as ends
from kennel.planner.engines.autoscaling import Fleet
from kennel.planner.engines.result import EDGES, SLOT_S, Result
from kennel.planner.inputs.distributions import Times
from kennel.planner.inputs.settings import BIN_S, Settings
from kennel.planner.inputs.traffic import DAY, Profile

_BLOCK = 4096  # random numbers drawn at once
_EDGES = EDGES.tolist()

Process = Generator[simpy.Event, None, None]


class Instance:
    """`workers` in parallel over one queue, first come first served.

    When a request comes, its service time is known, and so is when it will be through: no event
    is needed for the queue itself.
    """

    def __init__(self, workers: int, room: int) -> None:
        self._free_at = [0.0] * workers
        self._room = room
        self._leaves: list[float] = []

    def take(self, now: float, service: float) -> tuple[float, float] | None:
        """Return when work begins and ends; None when the instance takes no more in."""
        leaves = self._leaves
        while leaves and leaves[0] <= now:
            heapq.heappop(leaves)
        if len(leaves) >= self._room:
            return None
        begin = max(now, self._free_at[0])
        end = begin + service
        heapq.heapreplace(self._free_at, end)
        heapq.heappush(leaves, end)
        return begin, end


class Simulation:
    """One run: `Simulation(settings, profile, seed).run()`."""

    def __init__(self, settings: Settings, profile: Profile, seed: int) -> None:
        self.settings = settings
        self.counts = profile.draw(seed)
        bins = len(self.counts)
        self.env = simpy.Environment()
        self.random = np.random.default_rng([seed, 2])
        self.fleet = Fleet(settings, seed)
        self.work = _stream(settings.work, self.random)
        self.service = _stream(settings.service, self.random)
        self.cold = _stream(settings.cold_start, self.random)
        self.uniform = self._uniform()
        self.instances = [self._instance() for _ in range(settings.minimum)]
        self.tokens, self.filled = float(settings.burst), 0.0
        self.quota_left, self.day = settings.quota, int(profile.start // DAY)
        self.start = profile.start
        self.busy = 0
        self.idle: deque[float] = deque()  # since when; the one used last is used next
        self.provisioned = settings.provisioned
        self.invoked = 0  # in the current period
        self.at_endpoint = 0.0  # seconds that requests spent there in the current period
        slots = -(-bins * BIN_S // SLOT_S)
        self.result = Result(
            settings, profile, np.zeros((6, bins)), np.zeros(bins),
            np.zeros((slots, len(EDGES) + 1)), np.zeros(bins), np.zeros(bins), np.zeros(bins),
            np.zeros(bins, np.int64), np.zeros(bins, np.int64),
        )  # fmt: skip

    def run(self) -> Result:
        """Run until the last request has ended."""
        self.env.process(self._minutes())
        self.env.process(self._arrivals())
        self.env.run()
        self.result.scaling = self.fleet.why
        return self.result

    # what happens over time

    def _arrivals(self) -> Process:
        """Let each bin's requests come at times drawn evenly: a Poisson process given its count."""
        for number, count in enumerate(self.counts.tolist()):
            begin = number * BIN_S
            for offset in np.sort(self.random.random(count) * BIN_S).tolist():
                yield self.env.timeout(max(begin + offset - self.env.now, 0.0))
                self._attempt(0)

    def _minutes(self) -> Process:
        """Look at the metric at each period's end, and keep the books of instances."""
        every = self.fleet.rule.period // BIN_S
        for number in range(len(self.counts)):
            now = number * BIN_S
            yield self.env.timeout(now - self.env.now)
            if number and number % every == 0:
                self._observe(float(now))
            while len(self.instances) < self.fleet.settle(now):
                self.instances.append(self._instance())
            del self.instances[self.fleet.in_service :]
            self.result.in_service[number] = self.fleet.in_service
            self.result.paid[number] = self.fleet.paid

    def _observe(self, now: float) -> None:
        metric: float | None = None
        if self.invoked:
            count = self.fleet.settle(now)
            if self.settings.metric == "concurrency":
                metric = self.at_endpoint / self.fleet.rule.period / count
            else:
                metric = self.invoked / count
        self.fleet.observe(now, metric)
        self.invoked, self.at_endpoint = 0, 0.0

    # what happens to one request

    def _attempt(self, tries: int) -> None:
        """Pass the usage plan and find an execution; or be turned away."""
        result, settings, now = self.result, self.settings, self.env.now
        result.attempts += 1
        self.tokens = min(settings.burst, self.tokens + (now - self.filled) * settings.rate)
        self.filled = now
        if self.tokens < 1:
            self._turned_away(tries, ends.LIMITED)
            return
        day = int((self.start + now) // DAY)
        if day != self.day:
            self.day, self.quota_left = day, settings.quota
        if self.quota_left < 1:
            self._end(ends.OVER_QUOTA)  # coming again in a second would not help
            return
        self.tokens -= 1
        self.quota_left -= 1
        result.passed += 1
        if self.busy >= settings.concurrency:
            self._turned_away(tries, ends.NO_EXECUTION)
            return
        self.busy += 1
        self.env.process(self._execution(tries))

    def _execution(self, tries: int) -> Process:
        """Run one Lambda execution to its end."""
        env, result, began = self.env, self.result, self.env.now
        result.invocations += 1
        yield env.timeout(self.work_time() + self._environment())
        arrived = env.now
        self.invoked += 1
        instance = self.instances[int(next(self.uniform) * len(self.instances))]
        taken = instance.take(arrived, next(self.service))
        if taken is None:
            self._leave(began)
            self._turned_away(tries, ends.QUEUE_FULL)
            return
        begin, end = taken
        left = min(end, arrived + self.settings.timeout)
        yield env.timeout(left - arrived)
        self._leave(began)
        number = self._bin()
        result.waiting[number] += (min(begin, left) - arrived) / BIN_S
        result.working[number] += (left - min(begin, left)) / BIN_S
        self.at_endpoint += left - arrived
        if left < end:
            self._end(ends.TIMED_OUT)
            return
        self._end(ends.ANSWERED)
        latency = env.now - began
        result.latency[number] += latency
        slot = number * BIN_S // SLOT_S
        result.histogram[slot, bisect.bisect_left(_EDGES, latency)] += 1

    def work_time(self) -> float:
        """Draw Lambda's own time of the execution that begins now."""
        return next(self.work)

    def _environment(self) -> float:
        """Return the seconds that a cold start adds: none where an environment is warm."""
        now = self.env.now
        while self.idle and now - self.idle[0] > self.settings.keep_warm:
            self.idle.popleft()
        if self.busy <= self.provisioned:
            return 0.0
        if self.idle:
            self.idle.pop()
            return 0.0
        self.result.cold_starts += 1
        return next(self.cold)

    def _leave(self, began: float) -> None:
        now = self.env.now
        if self.busy > self.provisioned:
            self.idle.append(now)
        self.busy -= 1
        self.result.busy_seconds += now - began
        self.result.executions[self._bin()] += (now - began) / BIN_S

    def _turned_away(self, tries: int, ending: int) -> None:
        if tries >= self.settings.retries:
            self._end(ending)
        else:
            self.env.process(self._again(tries + 1))

    def _again(self, tries: int) -> Process:
        yield self.env.timeout(self.settings.retry_after * (1 + next(self.uniform)))
        self._attempt(tries)

    def _end(self, ending: int) -> None:
        self.result.endings[ending, self._bin()] += 1

    def _bin(self) -> int:
        return min(int(self.env.now // BIN_S), len(self.counts) - 1)

    def _instance(self) -> Instance:
        return Instance(self.settings.workers, self.settings.queue)

    def _uniform(self) -> Iterator[float]:
        while True:
            yield from self.random.random(_BLOCK).tolist()


def _stream(times: Times, random: np.random.Generator) -> Iterator[float]:
    while True:
        yield from times.sample(random, _BLOCK).tolist()


def simulate(settings: Settings, profile: Profile, seed: int = 0) -> Result:
    """Simulate `profile`, one request after another.

    Parameters
    ----------
    seed
        The same seed gives the same run, and the same traffic to the other engine.
    """
    return Simulation(settings.checked(), profile, seed).run()
