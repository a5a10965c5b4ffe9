"""One log line for each request, which is also its metrics.

CloudWatch extracts them from a log line in the embedded metric format, which Powertools writes, in
the namespace Kennel:

    metric                       dimensions        of
    TookMs, DecodeMs, InvokeMs   Endpoint, Status  every request, photo and invocation; their sample
                                                   counts are the numbers of these
    Refusals                     Endpoint, Reason  every refusal, 1; `Problem.reason` has the words
    NotADog                      Endpoint          every answer, 1 or 0: the mean is the share
    Confidence                   Endpoint          every answer with a dog: the first breed's
                                                   probability; percentiles, and in CloudWatch
                                                   PR(0.9:1) and its like, are its histogram

Each answer's line also has the model and its first breed, null for no dog: DriftFunction compares
them. The line of an answer has facts about the photo in one of so many requests (`sample_rate`);
that of a refusal always. They are the type and size of the photo, never its bytes, and no header of
the request.
"""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from aws_lambda_powertools.metrics import MetricUnit

from common.metrics import Log, log_metrics, metrics_of
from common.problem import Problem

__all__ = ["Observation"]


class Observation:
    """A context manager that measures one request and logs one line about it.

    Parameters
    ----------
    log
        Receives the line.
    endpoint
        Name of the endpoint, a dimension of the metrics.
    sample_rate
        Share of the answered requests whose line has the facts of `add`, 0 to 1.
    draw
        Returns a number from 0 to 1, by which a request is sampled.
    """

    def __init__(
        self,
        log: Log,
        endpoint: str,
        sample_rate: float = 1.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._log = log
        self._endpoint = endpoint
        self._started = time.perf_counter()
        self._sampled = draw() < sample_rate
        self._facts: dict[str, object] = {}
        self._stages: dict[str, float] = {}  # milliseconds
        self._answers: dict[str, float] = {}
        self._predicted: dict[str, str | None] = {}

    def add(self, **facts: object) -> None:
        """Add members to the line, if the request is sampled or refused."""
        self._facts |= facts

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a part of the request as the metric `name`, whether it fails or not."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stages[name] = _milliseconds(started)

    def answered(self, *, model: str, is_dog: bool, breed: str, confidence: float) -> None:
        """Count an answer, for `NotADog`, `Confidence` and DriftFunction."""
        self._predicted = {"model": model, "breed": breed if is_dog else None}
        self._answers = {"NotADog": float(not is_dog)}
        if is_dog:
            self._answers["Confidence"] = confidence

    def took_ms(self) -> float:
        """Return the milliseconds since the start of the request, to a tenth."""
        return _milliseconds(self._started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        status, reason = 200 if error is None else 500, "Crash"
        if isinstance(error, Problem):
            status, reason = int(error.status), error.reason
            self.add(detail=error.detail, cause=repr(error.__cause__) if error.__cause__ else None)
        times = {"TookMs": self.took_ms(), **self._stages}
        metrics = functools.partial(metrics_of, self._endpoint)
        line = metrics(times, MetricUnit.Milliseconds, Status=str(status))
        if error is not None:
            _join(line, metrics({"Refusals": 1}, MetricUnit.Count, Reason=reason))
        if self._answers:
            _join(line, metrics(self._answers, MetricUnit.NoUnit))
        facts = self._facts if self._sampled or error is not None else {}
        message = "classified" if error is None else "refused"
        log_metrics(self._log, message, {**facts, **self._predicted, **line})


def _join(line: dict[str, Any], other: dict[str, Any]) -> None:
    """Add metrics of other dimensions to a line; the format allows several lists."""
    line["_aws"]["CloudWatchMetrics"] += other.pop("_aws")["CloudWatchMetrics"]
    line |= other


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
