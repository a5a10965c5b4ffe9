"""API Gateway's limits: token buckets of usage plans and stages, and quotas by period."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

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
    """`limit` requests in each DAY, WEEK or MONTH (UTC)."""

    _PERIODS = {"DAY": "%Y-%j", "WEEK": "%Y-%U", "MONTH": "%Y-%m"}  # noqa: RUF012

    def __init__(self, limit: int, period: str, clock: Clock = time.time) -> None:
        self._limit = limit
        self._format = self._PERIODS[period]
        self._clock = clock
        self._period = ""
        self._used = 0

    def take(self) -> bool:
        """Count a request; return whether the quota allowed it."""
        period = datetime.fromtimestamp(self._clock(), UTC).strftime(self._format)
        if period != self._period:
            self._period, self._used = period, 0
        if self._used >= self._limit:
            return False
        self._used += 1
        return True


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
