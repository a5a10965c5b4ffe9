"""API Gateway's limits: token buckets of usage plans and stages, and quotas by period."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

_KEPT = timedelta(days=90)
_NO_LIMIT = 2**31 - 1  # what is left without a quota

Clock = Callable[[], float]


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


class Quota:
    """Counts requests by day (UTC), at most `limit` of them in each DAY, WEEK or MONTH.

    Parameters
    ----------
    limit
        None for any number.
    """

    _PERIODS = {"DAY": "%Y-%j", "WEEK": "%Y-%U", "MONTH": "%Y-%m"}  # noqa: RUF012

    def __init__(self, limit: int | None, period: str = "DAY", clock: Clock = time.time) -> None:
        self._limit = limit
        self._format = self._PERIODS[period]
        self._clock = clock
        self._used: dict[date, int] = {}

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
        period = day.strftime(self._format)
        used = (
            count
            for each, count in self._used.items()
            if each <= day and each.strftime(self._format) == period
        )
        return self._limit - sum(used)


class StageThrottle:
    """A stage's throttle for each method, from its MethodSettings."""

    def __init__(self, stage: Mapping[str, Any]) -> None:
        self._settings = {
            (each["ResourcePath"].replace("~1", "/"), each["HttpMethod"]): each
            for each in stage.get("MethodSettings", [])
            if "ThrottlingRateLimit" in each
        }
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    def take(self, path: str, method: str) -> bool:
        """Take a token of the method; True where nothing limits it."""
        settings = self._settings.get((path, method)) or self._settings.get(("/*", "*"))
        if settings is None:
            return True
        if (path, method) not in self._buckets:
            rate = float(settings["ThrottlingRateLimit"])
            burst = int(settings.get("ThrottlingBurstLimit", rate))
            self._buckets[path, method] = TokenBucket(rate, burst)
        return self._buckets[path, method].take()
