"""API Gateway's limits: token buckets of usage plans and stages, and quotas by period."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

_KEPT = timedelta(days=90)
_NO_LIMIT = 2**31 - 1  # what is left without a quota

Clock = Callable[[], float]


@dataclass(frozen=True)
class Limits:
    """A rate limit: requests a second, and the burst size."""

    rate: float
    burst: int

    @classmethod
    def read(cls, declared: Mapping[str, Any], prefix: str = "") -> Self | None:
        """Read `RateLimit` and `BurstLimit`; None where they limit nothing.

        A rate below 0 is none: API Gateway's word for a limit that is taken away.
        """
        rate = declared.get(f"{prefix}RateLimit")
        if rate is None or float(rate) < 0:
            return None
        return cls(float(rate), int(declared.get(f"{prefix}BurstLimit", float(rate))))


class TokenBucket:
    """`rate` requests a second, and `burst` at once when none came for a while.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    """

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled = clock()

    def take(self) -> bool:
        """Take a token; return whether there was one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Buckets:
    """Token buckets by what they limit; one whose limits have changed is replaced by a new one."""

    def __init__(self) -> None:
        self._buckets: dict[Hashable, tuple[Limits, TokenBucket]] = {}

    def take(self, limited: Hashable, limits: Limits | None) -> bool:
        """Take a token; True where nothing limits it."""
        if limits is None:
            return True
        entry = self._buckets.get(limited)
        if entry is None or entry[0] != limits:
            entry = self._buckets[limited] = limits, TokenBucket(limits.rate, limits.burst)
        return entry[1].take()


class Quota:
    """Counts requests by day (UTC), at most `limit` of them in each DAY, WEEK or MONTH.

    A change of the limit leaves what is counted.

    Parameters
    ----------
    limit
        None for any number.
    offset
        Days after Sunday, or after the first of the month, on which a period begins.
    """

    def __init__(
        self,
        limit: int | None,
        period: str = "DAY",
        clock: Clock = time.time,
        offset: int = 0,
    ) -> None:
        self._clock = clock
        self._used: dict[date, int] = {}
        self.change(limit, period, offset)

    def change(self, limit: int | None, period: str, offset: int) -> None:
        """Change the quota's limit and period; requests that were counted stay counted."""
        self._limit = limit
        self._period = period
        self._offset = timedelta(offset)

    def take(self) -> bool:
        """Count a request; return whether the quota allowed it."""
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        if self._remaining(today) <= 0:
            return False
        self._used = {day: used for day, used in self._used.items() if day > today - _KEPT}
        self._used[today] = self._used.get(today, 0) + 1
        return True

    def usage(self, first: date, last: date) -> list[list[int]]:
        """Return for each day the requests that it allowed, and how many were left at its end."""
        days = [first + timedelta(number) for number in range((last - first).days + 1)]
        return [[self._used.get(day, 0), self._remaining(day)] for day in days]

    def _remaining(self, day: date) -> int:
        """Return how many requests are left at the end of a day, or now."""
        if self._limit is None:
            return _NO_LIMIT
        start = self._start(day)
        return self._limit - sum(n for each, n in self._used.items() if start <= each <= day)

    def _start(self, day: date) -> date:
        """Return the first day of the period that a day is in."""
        if self._period == "DAY":
            return day
        shifted = day - self._offset
        if self._period == "WEEK":
            return shifted - timedelta(shifted.isoweekday() % 7) + self._offset
        return shifted.replace(day=1) + self._offset


def method_limits(
    settings: Mapping[tuple[str, str], Limits], path: str, method: str
) -> Limits | None:
    """Return the limits of a method in its stage: its own, or those of a wildcard."""
    for key in ((path, method), (path, "*"), ("/*", method), ("/*", "*")):
        if key in settings:
            return settings[key]
    return None


def read_method_limits(stage: Mapping[str, Any]) -> dict[tuple[str, str], Limits]:
    """Return the limits in a stage's MethodSettings, by path and method.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
    """
    by_method = {}
    for each in stage.get("MethodSettings", []):
        path = "/" + str(each.get("ResourcePath", "/*")).replace("~1", "/").lstrip("/")
        if limits := Limits.read(each, "Throttling"):
            by_method[path, str(each.get("HttpMethod", "*"))] = limits
    return by_method
