"""The stations of the simulated request path: usage plan, Lambda environments, instance queue."""

import heapq
from collections import deque

from kennel.planner.engines.result import LIMITED, OVER_QUOTA
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY


class SimulatedUsagePlan:
    """A usage plan's token bucket and daily quota.

    Parameters
    ----------
    start
        Unix time of the simulation's start; the quota is renewed at midnight UTC.
    """

    def __init__(self, settings: PlanSettings, start: float) -> None:
        self._rate, self._burst, self._quota = settings.rate, settings.burst, settings.quota
        self._tokens, self._filled_at = float(settings.burst), 0.0
        self._quota_left, self._day = settings.quota, int(start // DAY)
        self._start = start

    def refusal(self, now: float) -> int | None:
        """Admit a request and return None, or return the outcome of one that is refused.

        The throttle comes first, and every request within it takes a token, one beyond the quota
        too (developer guide, api-gateway-request-throttling: "a token counts for a request").
        """
        filled = self._tokens + (now - self._filled_at) * self._rate
        self._tokens = min(self._burst, filled)
        self._filled_at = now
        if self._tokens < 1:
            return LIMITED
        self._tokens -= 1
        day = int((self._start + now) // DAY)
        if day != self._day:
            self._day, self._quota_left = day, self._quota
        if self._quota_left < 1:
            return OVER_QUOTA
        self._quota_left -= 1
        return None


class LambdaEnvironments:
    """Lambda's execution environments: how many are busy, and which idle ones are warm.

    Attributes
    ----------
    busy
        Concurrent executions.
    """

    def __init__(self, settings: PlanSettings) -> None:
        self.busy = 0
        self._provisioned = settings.provisioned
        self._keep_warm = settings.keep_warm
        self._idle_since: deque[float] = deque()  # ascending; the newest is reused first

    def start(self, now: float) -> bool:
        """Return whether the execution that has just been counted as busy starts cold."""
        while self._idle_since and now - self._idle_since[0] > self._keep_warm:
            self._idle_since.popleft()
        if self.busy <= self._provisioned:
            return False
        if self._idle_since:
            self._idle_since.pop()
            return False
        return True

    def release(self, now: float) -> None:
        """End an execution; its environment stays warm."""
        if self.busy > self._provisioned:
            self._idle_since.append(now)
        self.busy -= 1


class InstanceQueue:
    """An endpoint instance: parallel workers with one bounded first-come-first-served queue.

    A request's service time is known on arrival, and with it the time at which its service ends,
    so the queue needs no events.
    """

    def __init__(self, workers: int, capacity: int) -> None:
        self._free_at = [0.0] * workers
        self._capacity = capacity
        self._departures: list[float] = []

    def accept(self, now: float, service: float) -> tuple[float, float] | None:
        """Return when service begins and ends, or None when the queue is full."""
        departures = self._departures
        while departures and departures[0] <= now:
            heapq.heappop(departures)
        if len(departures) >= self._capacity:
            return None
        begin = max(now, self._free_at[0])
        end = begin + service
        heapq.heapreplace(self._free_at, end)
        heapq.heappush(departures, end)
        return begin, end
