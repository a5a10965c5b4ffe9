"""One log line for each request, which is also its CloudWatch metric.

CloudWatch extracts metrics from a log line in the embedded metric format, which Powertools writes:
TookMs by endpoint and status; its sample count is the number of requests. The line has the photo's
type and size, never its bytes, and no header of the request.
"""

import logging
import time
from typing import Any, Protocol, Self

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from common.problem import Problem

__all__ = ["Log", "Observation"]

_NAMESPACE = "Kennel"


class Log(Protocol):
    """The part of `logging.Logger` that an observation uses."""

    level: int

    def log(self, level: int, msg: object, /, *, extra: dict[str, Any]) -> None:
        """Log `msg` with the members of `extra` beside it."""


class Observation:
    """A context manager that measures one request and logs one line about it.

    Parameters
    ----------
    log
        Receives the line.
    endpoint
        Name of the endpoint, a dimension of the metric.
    """

    def __init__(self, log: Log, endpoint: str) -> None:
        self._log = log
        self._started = time.perf_counter()
        # service="" because Powertools otherwise adds POWERTOOLS_SERVICE_NAME as a dimension.
        self._metrics = EphemeralMetrics(namespace=_NAMESPACE, service="")
        self._metrics.add_dimension("Endpoint", endpoint)

    def add(self, **facts: object) -> None:
        """Add members to the line."""
        for name, value in facts.items():
            self._metrics.add_metadata(name, value)

    def took_ms(self) -> float:
        """Return the milliseconds since the start of the request, to a tenth."""
        return round((time.perf_counter() - self._started) * 1000, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        status = 200 if error is None else 500
        if isinstance(error, Problem):
            status = int(error.status)
            self.add(detail=error.detail, cause=repr(error.__cause__) if error.__cause__ else None)
        self._metrics.add_dimension("Status", str(status))
        self._metrics.add_metric("TookMs", MetricUnit.Milliseconds, self.took_ms())
        line: dict[str, Any] = {**self._metrics.serialize_metric_set()}
        # With LogLevel=WARN or ERROR an INFO line would be dropped, and the metric with it.
        level = max(self._log.level, logging.INFO)
        self._log.log(level, "classified" if error is None else "refused", extra=line)
