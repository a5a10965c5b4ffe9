"""One log line for each request, which is its CloudWatch metric too.

CloudWatch reads metrics out of a log line with an `_aws` member (the embedded metric format), so
neither a metrics library nor a call is needed: TookMs by endpoint and status, whose sample count
is the number of requests. The line holds what kind of photo came and how large, never its bytes,
and no header of the caller.
"""

import time
from typing import Any, Protocol, Self

from common.problem import Problem

__all__ = ["Log", "Observation"]

_NAMESPACE = "Kennel"


class Log(Protocol):
    """What an observation needs of powertools' Logger."""

    def info(self, msg: object, /, *, extra: dict[str, Any]) -> None:
        """Log `msg` with the members of `extra` beside it."""


class Observation:
    """Watches one request, from ``with`` to its end, and logs one line about it.

    Parameters
    ----------
    log
        Where the line goes.
    endpoint
        Name of the endpoint, a dimension of the metric.
    """

    def __init__(self, log: Log, endpoint: str) -> None:
        self._log = log
        self._endpoint = endpoint
        self._started = time.perf_counter()
        self._facts: dict[str, Any] = {}

    def note(self, **facts: object) -> None:
        """Add members to the line."""
        self._facts.update(facts)

    def took_ms(self) -> float:
        """Milliseconds since the request came, to a tenth."""
        return round((time.perf_counter() - self._started) * 1000, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        status = 200 if error is None else 500
        if isinstance(error, Problem):
            status = int(error.status)
            self.note(detail=error.detail, cause=repr(error.__cause__) if error.__cause__ else None)
        metrics = {
            "Namespace": _NAMESPACE,
            "Dimensions": [["Endpoint", "Status"]],
            "Metrics": [{"Name": "TookMs", "Unit": "Milliseconds"}],
        }
        line = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]},
            "Endpoint": self._endpoint,
            "Status": str(status),
            "TookMs": self.took_ms(),
            **self._facts,
        }
        self._log.info("classified" if error is None else "refused", extra=line)
