"""What is counted, read back here and from moto's CloudWatch."""

import asyncio
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from kennel.cloud.cloudwatch.metrics import BUCKET_SECONDS, WRITE_SECONDS, Metrics, Series
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock

DIMENSIONS = {"VariantName": "A", "EndpointName": "e"}
SERIES = Series.of("AWS/SageMaker", "ModelLatency", DIMENSIONS)


def counted(*values: float) -> tuple[Metrics, float]:
    clock = Clock(speed=0)
    metrics, start = Metrics(clock), clock.now() // 60 * 60
    for value in values:
        metrics.count("AWS/SageMaker", "ModelLatency", DIMENSIONS, value, when=start)
    return metrics, start


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Sum", 5050.0),
        ("Average", 50.5),
        ("Minimum", 1.0),
        ("Maximum", 100.0),
        ("SampleCount", 100.0),
        ("p50", 50.0),
        ("p99", 99.0),
        ("p100", 100.0),
    ],
)
def test_statistics(statistic: str, expected: float) -> None:
    metrics, start = counted(*range(1, 101))
    assert asyncio.run(metrics.points(SERIES, statistic, 60, start, 1)) == [expected]


def test_percentiles_count_values_before_and_after_newer_ones_alike() -> None:
    metrics, start = counted(10, 20, 20)
    metrics.count("AWS/SageMaker", "ModelLatency", DIMENSIONS, 50, when=start + 10)
    for value in (20, 30):  # late, when the ten seconds are packed
        metrics.count("AWS/SageMaker", "ModelLatency", DIMENSIONS, value, when=start)
    shares = ("p0", "p16", "p17", "p66", "p67", "p83", "p84", "p100")
    points = [asyncio.run(metrics.points(SERIES, p, 60, start, 1)) for p in shares]
    assert points == [[10.0], [10.0], [20.0], [20.0], [30.0], [30.0], [50.0], [50.0]]


def test_hours_of_values_take_little_memory() -> None:
    clock, random = Clock(speed=0), np.random.default_rng(1)
    metrics, start = Metrics(clock), clock.now()
    tracemalloc.start()
    try:
        for second in range(1800):
            for value in random.lognormal(4.8, 0.4, 16):
                metrics.count("AWS/Lambda", "Duration", {}, value, when=start + second)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held / 180 < 4096  # bytes for ten seconds at 16 requests a second


def test_a_statistic_that_is_not_emulated_is_named() -> None:
    metrics, start = counted(1)
    with pytest.raises(ValueError, match="tm99"):
        asyncio.run(metrics.points(SERIES, "tm99", 60, start, 1))


def test_periods_without_data_are_none_and_the_order_of_dimensions_does_not_count() -> None:
    metrics, start = counted(2, 3)
    metrics.count("AWS/SageMaker", "ModelLatency", DIMENSIONS, 7, when=start + 125)
    turned = Series.of("AWS/SageMaker", "ModelLatency", {"EndpointName": "e", "VariantName": "A"})
    points = asyncio.run(metrics.points(turned, "Sum", 60, start - 60, 4))
    assert points == [None, 5.0, None, 7.0]


def test_old_points_are_dropped() -> None:
    metrics, start = counted(1)
    for number in range(1, 1082):
        metrics.count("AWS/SageMaker", "ModelLatency", DIMENSIONS, 1, when=start + 10 * number)
    assert asyncio.run(metrics.points(SERIES, "Sum", 10, start, 2)) == [None, None]


def test_what_is_written_is_in_cloudwatch_added_up(account: str) -> None:
    cloudwatch = client("cloudwatch", account)
    clock = Clock(speed=0)
    metrics = Metrics(clock, cloudwatch)
    for value in (1.0, 2.0, 6.0):
        metrics.count("AWS/SageMaker", "Invocations", DIMENSIONS, value, "None")
    asyncio.run(metrics.write())
    asyncio.run(metrics.write())  # nothing twice
    now = datetime.fromtimestamp(clock.now(), UTC)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": name, "Value": value} for name, value in DIMENSIONS.items()],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )["Datapoints"]
    assert (point["Sum"], point["SampleCount"], point["Maximum"]) == (9.0, 3.0, 6.0)


def test_ten_seconds_are_written_once_they_are_over(account: str) -> None:
    cloudwatch = client("cloudwatch", account)
    clock = Clock(speed=0)
    metrics = Metrics(clock, cloudwatch)

    def written() -> list[str]:
        listed = cloudwatch.list_metrics(Namespace="Ours")["Metrics"]
        return [each["MetricName"] for each in listed]

    async def run() -> None:
        metrics.count("Ours", "Photos", {})
        running = asyncio.create_task(metrics.run())
        await asyncio.sleep(2 * WRITE_SECONDS)
        assert written() == []
        clock.skip(BUCKET_SECONDS)
        async with asyncio.timeout(20):
            while await asyncio.to_thread(written) != ["Photos"]:
                await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(run())


def test_an_unknown_metric_of_awss_own_needs_no_call() -> None:
    without_methods: Any = object()
    metrics = Metrics(Clock(speed=0), without_methods)
    series = Series.of("AWS/Lambda", "Errors", {"FunctionName": "f"})
    assert asyncio.run(metrics.points(series, "Sum", 60, 0, 2)) == [None, None]


def test_a_metric_that_a_client_wrote_is_read_from_cloudwatch(account: str) -> None:
    cloudwatch = client("cloudwatch", account)
    clock = Clock(speed=0)
    start = clock.now() // 60 * 60
    cloudwatch.put_metric_data(
        Namespace="Mine",
        MetricData=[
            {
                "MetricName": "Photos",
                "Dimensions": [{"Name": "Kind", "Value": "dog"}],
                "Value": 3,
                "Timestamp": datetime.fromtimestamp(start + 61, UTC),
            }
        ],
    )
    series = Series.of("Mine", "Photos", {"Kind": "dog"})
    points = asyncio.run(Metrics(clock, cloudwatch).points(series, "Sum", 60, start, 3))
    assert points == [None, 3.0, None]
