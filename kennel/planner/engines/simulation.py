"""Exact engine: a discrete-event simulation of each request, in SimPy.

It is exact of the model in docs/planner.md, not of AWS. It simulates some tens of thousands of
requests per second of computing, so it suits minutes and hours of traffic; analytic.py suits days.
"""

import bisect
from collections.abc import Generator, Iterator

import numpy as np
import simpy

from kennel.planner.engines.autoscaling import Fleet
from kennel.planner.engines.result import (
    ANSWERED,
    EDGES,
    NO_EXECUTION,
    OVER_QUOTA,
    QUEUE_FULL,
    SLOT_S,
    TIMED_OUT,
    Result,
)
from kennel.planner.engines.stations import InstanceQueue, LambdaEnvironments, SimulatedUsagePlan
from kennel.planner.inputs.distributions import Distribution
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import Profile

_BLOCK = 4096  # random numbers drawn at once
_EDGES = EDGES.tolist()

Process = Generator[simpy.Event, None, None]


class Simulation:
    """One run of the simulation: `Simulation(settings, profile, seed).run()`."""

    def __init__(self, settings: PlanSettings, profile: Profile, seed: int) -> None:
        self.settings = settings
        self.counts = profile.draw(seed)
        self.env = simpy.Environment()
        self.random = np.random.default_rng([seed, 2])
        self.fleet = Fleet(settings, seed)
        self.usage_plan = SimulatedUsagePlan(settings, profile.start)
        self.environments = LambdaEnvironments(settings)
        self.instances = [self._new_instance() for _ in range(settings.minimum)]
        self.result = Result.empty(settings, profile, len(self.counts))
        self._work_times = _samples(settings.work, self.random)
        self._service_times = _samples(settings.service, self.random)
        self._cold_start_times = _samples(settings.cold_start, self.random)
        self._uniform = self._uniform_numbers()
        self._period_invocations = 0
        self._period_endpoint_seconds = 0.0

    def run(self) -> Result:
        """Run until every request has an outcome."""
        self.env.process(self._bins())
        self.env.process(self._arrivals())
        self.env.run()
        self.result.scaling = self.fleet.reasons
        return self.result

    def work_time(self) -> float:
        """Draw Lambda's own time of the execution that begins now, seconds."""
        return next(self._work_times)

    # processes over all bins

    def _arrivals(self) -> Process:
        """Start each bin's requests at uniform times: a Poisson process, given its count."""
        for number, count in enumerate(self.counts.tolist()):
            begin = number * BIN_S
            for offset in np.sort(self.random.random(count) * BIN_S).tolist():
                yield self.env.timeout(max(begin + offset - self.env.now, 0.0))
                self._attempt(0)

    def _bins(self) -> Process:
        """Scale at the end of each alarm period, and record the instances of each bin."""
        bins_per_period = self.fleet.policy.period // BIN_S
        for number in range(len(self.counts)):
            now = number * BIN_S
            yield self.env.timeout(now - self.env.now)
            if number and number % bins_per_period == 0:
                self._observe_metric(float(now))
            while len(self.instances) < self.fleet.instances_at(now):
                self.instances.append(self._new_instance())
            del self.instances[self.fleet.in_service :]
            self.result.in_service[number] = self.fleet.in_service
            self.result.paid[number] = self.fleet.paid

    def _observe_metric(self, now: float) -> None:
        metric: float | None = None
        if self._period_invocations:
            instances = self.fleet.instances_at(now)
            if self.settings.metric == "concurrency":
                metric = self._period_endpoint_seconds / self.fleet.policy.period / instances
            else:
                metric = self._period_invocations / instances
        self.fleet.observe(now, metric)
        self._period_invocations, self._period_endpoint_seconds = 0, 0.0

    # one request

    def _attempt(self, retries_made: int) -> None:
        """Pass the usage plan and start an execution, or refuse the request."""
        self.result.attempts += 1
        refusal = self.usage_plan.refusal(self.env.now)
        if refusal == OVER_QUOTA:
            self._finish(OVER_QUOTA)  # a retry after a second would be refused too
        elif refusal is not None:
            self._refuse(retries_made, refusal)
        else:
            self.result.admitted += 1
            if self.environments.busy >= self.settings.concurrency:
                self._refuse(retries_made, NO_EXECUTION)
            else:
                self.environments.busy += 1
                self.env.process(self._execution(retries_made))

    def _execution(self, retries_made: int) -> Process:
        """Run one Lambda execution, with its call to the endpoint."""
        env, result, began = self.env, self.result, self.env.now
        result.invocations += 1
        yield env.timeout(self.work_time() + self._cold_start())
        arrived = env.now
        self._period_invocations += 1
        instance = self.instances[int(next(self._uniform) * len(self.instances))]
        service = instance.accept(arrived, next(self._service_times))
        if service is None:
            self._end_execution(began)
            self._refuse(retries_made, QUEUE_FULL)
            return
        begin, end = service
        returned = min(end, arrived + self.settings.timeout)
        yield env.timeout(returned - arrived)
        self._end_execution(began)
        number = self._bin()
        result.waiting[number] += (min(begin, returned) - arrived) / BIN_S
        result.working[number] += (returned - min(begin, returned)) / BIN_S
        self._period_endpoint_seconds += returned - arrived
        if returned < end:
            self._finish(TIMED_OUT)
            return
        self._finish(ANSWERED)
        latency = env.now - began
        result.latency[number] += latency
        slot = number * BIN_S // SLOT_S
        result.histogram[slot, bisect.bisect_left(_EDGES, latency)] += 1

    def _cold_start(self) -> float:
        """Return the seconds that a cold start adds; 0 in a warm environment."""
        if not self.environments.start(self.env.now):
            return 0.0
        self.result.cold_starts += 1
        return next(self._cold_start_times)

    def _end_execution(self, began: float) -> None:
        seconds = self.env.now - began
        self.environments.release(self.env.now)
        self.result.busy_seconds += seconds
        self.result.executions[self._bin()] += seconds / BIN_S

    def _refuse(self, retries_made: int, outcome: int) -> None:
        if retries_made >= self.settings.retries:
            self._finish(outcome)
        else:
            self.env.process(self._retry(retries_made + 1))

    def _retry(self, retries_made: int) -> Process:
        yield self.env.timeout(self.settings.retry_after * (1 + next(self._uniform)))
        self._attempt(retries_made)

    def _finish(self, outcome: int) -> None:
        self.result.outcomes[outcome, self._bin()] += 1

    def _bin(self) -> int:
        return min(int(self.env.now // BIN_S), len(self.counts) - 1)

    def _new_instance(self) -> InstanceQueue:
        return InstanceQueue(self.settings.workers, self.settings.queue)

    def _uniform_numbers(self) -> Iterator[float]:
        while True:
            yield from self.random.random(_BLOCK).tolist()


def _samples(distribution: Distribution, random: np.random.Generator) -> Iterator[float]:
    while True:
        yield from distribution.sample(random, _BLOCK).tolist()


def simulate(settings: PlanSettings, profile: Profile, seed: int = 0) -> Result:
    """Simulate each request of `profile`.

    Parameters
    ----------
    seed
        The same seed gives the same run, and the same traffic as in the analytic engine.
    """
    return Simulation(settings.checked(), profile, seed).run()
