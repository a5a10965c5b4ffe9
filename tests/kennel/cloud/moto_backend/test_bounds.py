"""What moto would keep for ever is bounded."""

import gc
import threading
import weakref
from typing import Any

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.logs.models import LogEvent, logs_backends
from moto.s3.models import FakeKey
from moto.stepfunctions.parser.utils import TMP_THREADS

from kennel.cloud.moto_backend.bounds import forget_oldest

ACCOUNT, REGION = "123456789012", "eu-north-1"  # of no other test


def test_the_newest_are_kept() -> None:
    metrics: Any = cloudwatch_backends[ACCOUNT][REGION]
    logs: Any = logs_backends[ACCOUNT][REGION]
    datum: Any = MetricDatum
    metrics.metric_data += [datum("n", "m", float(each), [], None) for each in range(9)]
    logs.create_log_group("/group", tags={})
    logs.create_log_stream("/group", "stream")
    stream = logs.groups["/group"].streams["stream"]
    stream.events += list(range(9))
    ended = threading.Thread(target=lambda: None)
    TMP_THREADS.append(ended)
    forget_oldest(values=5, events=3)
    assert [each.value for each in metrics.metric_data] == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert stream.events == [6, 7, 8]
    assert ended not in TMP_THREADS
    forget_oldest(values=5, events=3)
    assert len(stream.events) == 3


def test_what_is_forgotten_is_no_longer_in_memory() -> None:
    """moto lists every instance of its models, for a dashboard."""
    logs: Any = logs_backends[ACCOUNT][REGION]
    logs.create_log_group("/freed", tags={})
    logs.create_log_stream("/freed", "stream")
    events = logs.groups["/freed"].streams["stream"].events
    events += [LogEvent(0, {"timestamp": 0, "message": str(each)}) for each in range(9)]
    freed, kept = weakref.ref(events[0]), weakref.ref(events[-1])
    forget_oldest(values=5, events=3)
    gc.collect()
    assert freed() is None
    assert kept() is events[-1]


def test_an_object_that_was_replaced_is_no_longer_in_memory() -> None:
    key: Any = FakeKey
    replaced = key("name", b"bytes", ACCOUNT, region_name=REGION)
    freed = weakref.ref(replaced)
    replaced.dispose()
    del replaced
    forget_oldest()
    gc.collect()
    assert freed() is None


def test_values_of_a_series_share_its_names_in_memory() -> None:
    metrics: Any = cloudwatch_backends[ACCOUNT][REGION]
    pairs = [("Invocations", "one"), ("Invocations", "one"), ("Invocations", "two")]
    for name, endpoint in pairs:
        # As a request is read: strings of their own for each value.
        dimensions = [{"Name": "".join("Endpoint"), "Value": "".join([*endpoint])}]
        datum = {"MetricName": "".join([*name]), "Dimensions": dimensions, "Value": 1.0}
        metrics.put_metric_data("Shared", [datum])
    first, second, other = metrics.metric_data[-3:]
    assert first.dimensions is not second.dimensions
    forget_oldest()
    assert first.dimensions is second.dimensions
    assert first.name is second.name
    assert [each.dimensions[0].value for each in (first, other)] == ["one", "two"]
