"""Collect metrics: aggregated here for the alarms, and written to the offline CloudWatch.

moto stores every single value, and has no percentiles. So values are aggregated over ten seconds
before they are written, and the alarms read the aggregates; a metric that a client wrote with
PutMetricData is read from moto.
"""

import asyncio
import contextlib
import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from kennel.cloud.runtime.clock import Clock

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import (
        MetricDataQueryTypeDef,
        MetricDatumTypeDef,
        MetricTypeDef,
    )

BUCKET_SECONDS = 10  # the shortest alarm period of a metric that is not written each second
KEEP_SECONDS = 3 * 3600  # of what alarms read; CloudWatch too keeps its finest points so long
WRITE_SECONDS = 1.0  # real ones, between two writes to moto
_STATISTICS = r"Sum|Average|Minimum|Maximum|SampleCount|p(100|\d{1,2}(\.\d+)?)"
DIGITS = 3  # significant ones of the single values from which percentiles are computed


@dataclass(frozen=True)
class Series:
    """One metric with its dimensions, in the order of their names."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "Series":
        """Return the series of a metric."""
        return cls(namespace, name, tuple(sorted(dimensions.items())))

    def aws(self) -> "MetricTypeDef":
        """Return the metric as CloudWatch's API names it."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


@dataclass(slots=True)
class Bucket:
    """Values of ten seconds from `start` on (Unix seconds), aggregated."""

    start: float
    unit: str
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    _recent: Counter[float] = field(default_factory=Counter)
    _packed: "tuple[array[float], array[int]]" = field(default=(array("d"), array("I")))

    def add(self, value: float) -> None:
        """Count one value."""
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)
        self._recent[float(f"{value:.{DIGITS}g}")] += 1

    def values(self) -> Counter[float]:
        """Return how often each value was counted, by the value to DIGITS digits."""
        return Counter(dict(zip(*self._packed, strict=True))) + self._recent

    def pack(self) -> None:
        """Hold the values in arrays, which take a tenth of a Counter's memory."""
        values = self.values()
        self._packed = array("d", values), array("I", values.values())
        self._recent = Counter()


class Metrics:
    """Aggregates values by series; used on the event loop's thread only.

    Parameters
    ----------
    cloudwatch
        A boto3 client of moto's CloudWatch; None keeps everything here.
    """

    def __init__(self, clock: Clock, cloudwatch: "CloudWatchClient | None" = None) -> None:
        self._clock = clock
        self._cloudwatch = cloudwatch
        self._buckets: dict[Series, dict[float, Bucket]] = {}
        self._unwritten: dict[tuple[Series, float], Bucket] = {}

    def count(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float = 1.0,
        unit: str = "Count",
        *,
        when: float | None = None,
    ) -> None:
        """Count a value, now or at an earlier offline time (Unix seconds)."""
        series = Series.of(namespace, name, dimensions)
        moment = self._clock.now() if when is None else when
        start = moment // BUCKET_SECONDS * BUCKET_SECONDS
        buckets = self._buckets.setdefault(series, {})
        if start not in buckets:
            if buckets:  # hours of them are kept, and only the newest one is added to
                buckets[next(reversed(buckets))].pack()
            buckets[start] = Bucket(start, unit)
        buckets[start].add(value)
        if len(buckets) > KEEP_SECONDS // BUCKET_SECONDS:
            del buckets[min(buckets)]
        if self._cloudwatch:
            self._unwritten.setdefault((series, start), Bucket(start, unit)).add(value)

    async def points(
        self, series: Series, statistic: str, period: float, start: float, count: int
    ) -> list[float | None]:
        """Return `count` points of `period` seconds each from `start` on; None for no data.

        Raises
        ------
        ValueError
            For a statistic that is none of Sum, Average, Minimum, Maximum, SampleCount, pNN.
        """
        if series not in self._buckets:
            return await self._from_moto(series, statistic, period, start, count)
        parts: list[list[Bucket]] = [[] for _ in range(count)]
        for bucket in self._buckets[series].values():
            number = int((bucket.start - start) // period)
            if 0 <= number < count:
                parts[number].append(bucket)
        return [_statistic(statistic, part) if part else None for part in parts]

    def holds(self, series: Series) -> bool:
        """Return whether values of a series were counted here."""
        return series in self._buckets

    def unit(self, series: Series) -> str:
        """Return the unit of a series' newest values; "None" where there are none."""
        buckets = self._buckets.get(series)
        return buckets[max(buckets)].unit if buckets else "None"

    async def _from_moto(
        self, series: Series, statistic: str, period: float, start: float, count: int
    ) -> list[float | None]:
        points: list[float | None] = [None] * count
        # Clients cannot write to AWS's own namespaces: such a series is counted here or absent.
        is_of_aws = series.namespace.startswith("AWS/")
        if self._cloudwatch is None or statistic.startswith("p") or is_of_aws:
            return points
        query: MetricDataQueryTypeDef = {
            "Id": "m",
            "MetricStat": {"Metric": series.aws(), "Period": int(period), "Stat": statistic},
        }
        answer = await asyncio.to_thread(
            self._cloudwatch.get_metric_data,
            MetricDataQueries=[query],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(start + period * count, UTC),
        )
        result = answer["MetricDataResults"][0]
        for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
            number = int((moment.timestamp() - start) // period)
            if 0 <= number < count:
                points[number] = value
        return points

    async def write(self, latest: float = math.inf) -> None:
        """Write the buckets of ten seconds that moto's CloudWatch does not have yet.

        Parameters
        ----------
        latest
            Offline time: a bucket that began later is not written.
        """
        unwritten = {key: each for key, each in self._unwritten.items() if each.start <= latest}
        for key in unwritten:
            del self._unwritten[key]
        by_namespace: dict[str, list[MetricDatumTypeDef]] = {}
        for (series, _), bucket in unwritten.items():
            metric = series.aws()
            datum: Any = {
                "MetricName": metric["MetricName"],
                "Dimensions": metric["Dimensions"],
                "Timestamp": datetime.fromtimestamp(bucket.start, UTC),
                "Unit": bucket.unit,
                "StatisticValues": {
                    "Sum": bucket.total,
                    "Minimum": bucket.least,
                    "Maximum": bucket.most,
                    "SampleCount": bucket.count,
                },
            }
            by_namespace.setdefault(series.namespace, []).append(datum)
        for namespace, data in by_namespace.items():
            for first in range(0, len(data), 500):
                assert self._cloudwatch is not None  # noqa: S101 - only then is anything unwritten
                await asyncio.to_thread(
                    self._cloudwatch.put_metric_data,
                    Namespace=namespace,
                    MetricData=data[first : first + 500],
                )

    async def run(self) -> None:
        """Write each bucket once it is over, until cancelled: moto keeps every write."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            with contextlib.suppress(BotoCoreError):  # moto was too busy: alarms read from here
                await self.write(self._clock.now() - BUCKET_SECONDS)


def is_known(statistic: str) -> bool:
    """Return whether `Metrics.points` has this statistic."""
    return bool(re.fullmatch(_STATISTICS, statistic))


def _statistic(name: str, buckets: list[Bucket]) -> float:
    count = sum(each.count for each in buckets)
    if name == "Sum":
        return sum(each.total for each in buckets)
    if name == "SampleCount":
        return float(count)
    if name == "Average":
        return sum(each.total for each in buckets) / count
    if name == "Minimum":
        return min(each.least for each in buckets)
    if name == "Maximum":
        return max(each.most for each in buckets)
    if is_known(name):
        values = sum((each.values() for each in buckets), Counter[float]())
        rank = math.ceil(float(name[1:]) / 100 * count)  # nearest rank
        for value in sorted(values):
            rank -= values[value]
            if rank <= 0:
                return value
    raise ValueError(f"the statistic {name} is not emulated: expected Sum, Average, ... or pNN")
