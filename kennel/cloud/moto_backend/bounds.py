"""Bound moto's memory: delete old metric values and log events, and threads that have ended.

moto's list of every instance of each of its models, which only a dashboard reads that is not served
here, is emptied too: it would hold all deleted values, and each replaced or deleted S3 object.

A value of a metric takes 0.4 kB of memory (1 kB with names of its own) and a log event 0.5 kB, so
that a cloud under load grew by some 2 MB a minute; CloudWatch too deletes values, after 3 hours to
15 months.
"""

import threading
import time
import traceback
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.model_instances import model_data
from moto.logs.models import logs_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

MAX_METRIC_VALUES = 50_000  # of ten seconds each; at 24 series under constant load, 6 hours
MAX_LOG_EVENTS = 10_000  # of a log stream; the function's log file has more
_SECONDS = 10.0

_METRICS: Any = cloudwatch_backends  # moto's types are not those of mypy's strict mode
_LOGS: Any = logs_backends
_MODELS: Any = model_data


def forget_oldest(values: int = MAX_METRIC_VALUES, events: int = MAX_LOG_EVENTS) -> None:
    """Delete the oldest metric values and log events beyond the limits."""
    for backends in (_METRICS, _LOGS):
        for _, _, backend in tuple(backends.iter_backends()):
            if backends is _METRICS:
                del backend.metric_data[:-values]
                _share_names(backend.metric_data)
                continue
            for group in tuple(backend.groups.values()):
                for stream in tuple(group.streams.values()):
                    del stream.events[:-events]
    for models in tuple(_MODELS.values()):  # a service that is first called adds its own
        for model in tuple(models.values()):
            model.instances_tracked = []
    TMP_THREADS[:] = [thread for thread in TMP_THREADS if thread.is_alive()]


def _share_names(metric_data: list[Any]) -> None:
    """Let all values of a series hold the same strings and dimensions, three quarters of a value.

    What stores them writes a shared object once, too.
    """
    series: dict[Any, Any] = {}
    for each in tuple(metric_data):
        dimensions = tuple((dimension.name, dimension.value) for dimension in each.dimensions)
        first = series.setdefault((each.namespace, each.name, each.unit, dimensions), each)
        for attribute in ("namespace", "name", "unit", "dimensions"):
            setattr(each, attribute, getattr(first, attribute))


def start_forgetting() -> None:
    """Call `forget_oldest` every few seconds, in a thread that ends with the process."""

    def repeat() -> None:
        while True:
            time.sleep(_SECONDS)
            try:
                forget_oldest()
            except Exception:  # the next round tries again
                traceback.print_exc()

    threading.Thread(target=repeat, name="bounds", daemon=True).start()
