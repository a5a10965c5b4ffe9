"""Log lines that are metrics too, in CloudWatch's embedded metric format."""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["Log", "log_metrics", "metrics_of"]

_NAMESPACE = "Kennel"


class Log(Protocol):
    """The part of `logging.Logger` that `log_metrics` uses."""

    level: int

    def log(self, level: int, msg: object, /, *, extra: dict[str, Any]) -> None:
        """Log `msg` with the members of `extra` beside it."""


def metrics_of(
    endpoint: str, values: Mapping[str, float], unit: MetricUnit, **dimensions: str
) -> dict[str, Any]:
    """Return the members of a log line that make CloudWatch record these metrics.

    Parameters
    ----------
    endpoint
        Name of the endpoint, a dimension of every metric.
    values
        By the metric's name.
    dimensions
        Further ones, by name.
    """
    # service="" because Powertools otherwise adds POWERTOOLS_SERVICE_NAME as a dimension.
    metrics = EphemeralMetrics(namespace=_NAMESPACE, service="")
    for name, of in {"Endpoint": endpoint, **dimensions}.items():
        metrics.add_dimension(name, of)
    for name, value in values.items():
        metrics.add_metric(name, unit, value)
    return {**metrics.serialize_metric_set()}


def log_metrics(log: Log, message: str, members: dict[str, Any]) -> None:
    """Log a line with metrics at INFO, or at the log's own level where that is higher.

    With LogLevel=WARN or ERROR an INFO line would be dropped, and its metrics with it.
    """
    log.log(max(log.level, logging.INFO), message, extra=members)
