"""Answer CloudWatch's calls for percentiles, which moto lacks, from the metrics counted here.

Values that a client writes with PutMetricData are in moto alone, so their percentiles are refused
by name. All else of CloudWatch is moto's.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.utils import parse_to_aware_datetime
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.cloudwatch.metrics import KEEP_SECONDS, Metrics, Series, is_known
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.answers import written
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError, not_implemented

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

Json = dict[str, Any]
PLAIN = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
_OF_CLOUDWATCH = re.compile(r"(tm|wm|tc|ts|pr|TM|WM|TC|TS|PR)(\d[\d.]*|\(.*\))|IQM|iqm")
_MOST_POINTS = 100_800  # of one call; CloudWatch pages beyond


class Percentiles:
    """Answers GetMetricData and GetMetricStatistics.

    Parameters
    ----------
    cloudwatch
        A boto3 client of moto's CloudWatch.
    moto
        Answers calls for plain statistics only.
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Clock,
        cloudwatch: "CloudWatchClient",
        moto: Callable[[Request, ApiCall], Awaitable[Response]],
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._cloudwatch = cloudwatch
        self._moto = moto

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; its parameters keep the constraints of botocore's model."""
        if call.operation == "GetMetricData":
            queries = call.parameters["MetricDataQueries"]
            if any("Expression" in each for each in queries):  # moto answers it with no values
                raise not_implemented("the offline cloud does not emulate metric math")
            _check_points(call.parameters, [_stat(each).get("Period", 60) for each in queries])
            await self._metrics.write()  # so that moto has what was counted a moment ago
            if {_stat(each).get("Stat") for each in queries} - PLAIN - {None}:
                result = await self._data(call.parameters)
                return written("cloudwatch", call.operation, result, request.headers)
        if call.operation == "GetMetricStatistics":
            _check_points(call.parameters, [call.parameters["Period"]])
            if call.parameters.get("ExtendedStatistics"):
                result = await self._statistics(call.parameters)
                return written("cloudwatch", call.operation, result, request.headers)
        return await self._moto(request, call)

    async def _data(self, parameters: Json) -> Json:
        """GetMetricData: percentiles from here, the other queries' results from moto."""
        queries = parameters["MetricDataQueries"]
        ours = [each for each in queries if _stat(each).get("Stat", "Sum") not in PLAIN]
        results = {each["Id"]: await self._result(each, parameters) for each in ours}
        if others := [each for each in queries if each["Id"] not in results]:
            request = {**parameters, "MetricDataQueries": others}
            answer = await self._ask_moto(request)
            results |= {each["Id"]: each for each in answer["MetricDataResults"]}
        return {
            "MetricDataResults": [results[each["Id"]] for each in queries if each["Id"] in results]
        }

    async def _result(self, query: Json, parameters: Json) -> Json:
        stat = query["MetricStat"]
        points = await self._points(stat["Metric"], [stat["Stat"]], stat["Period"], parameters)
        if parameters.get("ScanBy") != "TimestampAscending":
            points.reverse()
        return {
            "Id": query["Id"],
            "Label": query.get("Label") or f"{stat['Metric']['MetricName']} {stat['Stat']}",
            "Timestamps": [moment for moment, _ in points],
            "Values": [values[stat["Stat"]] for _, values in points],
            "StatusCode": "Complete",
        }

    async def _statistics(self, parameters: Json) -> Json:
        """GetMetricStatistics: with percentiles all statistics are from here."""
        plain, extended = parameters.get("Statistics", []), parameters["ExtendedStatistics"]
        points = await self._points(
            parameters, [*plain, *extended], parameters["Period"], parameters
        )
        unit = self._metrics.unit(_series(parameters))
        return {
            "Label": parameters["MetricName"],
            "Datapoints": [
                {
                    "Timestamp": moment,
                    "Unit": unit,
                    **{name: values[name] for name in plain},
                    "ExtendedStatistics": {name: values[name] for name in extended},
                }
                for moment, values in points
            ],
        }

    async def _points(
        self, metric: Json, statistics: list[str], period: int, parameters: Json
    ) -> list[tuple[datetime, dict[str, float]]]:
        """Return the points that have data, oldest first, with the value of each statistic."""
        series = _series(metric)
        for each in statistics:
            if not is_known(each):
                raise _unknown_statistic(each)
        if not self._metrics.holds(series):
            await self._refuse_what_moto_holds(series)
            return []
        end = _time(parameters, "EndTime")
        # Periods begin at StartTime, rounded down to the minute, not at multiples of their length.
        first = _time(parameters, "StartTime") // min(period, 60) * min(period, 60)
        forgotten = self._clock.now() - KEEP_SECONDS - first
        first += max(forgotten // period, 0) * period
        count = max(math.ceil((end - first) / period), 0)
        columns = [
            await self._metrics.points(series, each, period, first, count) for each in statistics
        ]
        rows = zip(*columns, strict=True)
        return [
            (
                datetime.fromtimestamp(first + number * period, UTC),
                {
                    name: value
                    for name, value in zip(statistics, row, strict=True)
                    if value is not None
                },
            )
            for number, row in enumerate(rows)
            if row[0] is not None
        ]

    async def _refuse_what_moto_holds(self, series: Series) -> None:
        if series.namespace.startswith("AWS/"):  # no client writes there: it was before a restart
            return
        answer = await asyncio.to_thread(
            self._cloudwatch.list_metrics,
            Namespace=series.namespace,
            MetricName=series.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in series.dimensions],
        )
        if answer["Metrics"]:
            raise not_implemented(
                "the offline cloud does not emulate percentiles of what a client wrote with "
                f"PutMetricData, such as {series.namespace} {series.name}"
            )

    async def _ask_moto(self, parameters: Json) -> Json:
        try:
            answer: Any = await asyncio.to_thread(self._cloudwatch.get_metric_data, **parameters)
        except ClientError as error:
            refused = error.response["Error"]
            raise ServiceError(refused["Code"], refused["Message"]) from error
        return dict(answer)


def _stat(query: Json) -> Json:
    stat: Json = query.get("MetricStat") or {}
    return stat


def _series(metric: Json) -> Series:
    for name in ("Namespace", "MetricName"):
        if not metric.get(name):
            raise ServiceError("ValidationError", f"The parameter Metric.{name} is required.")
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    return Series.of(metric["Namespace"], metric["MetricName"], dimensions)


def _time(parameters: Json, name: str) -> float:
    try:
        return float(parse_to_aware_datetime(parameters[name]).timestamp())
    except (ValueError, OverflowError, OSError, RuntimeError) as error:
        raise ServiceError("InvalidParameterValue", f"{name} is no time: {error}") from error


def _check_points(parameters: Json, periods: list[int]) -> None:
    """Refuse a call for more points than CloudWatch returns: moto goes through each of them."""
    seconds = _time(parameters, "EndTime") - _time(parameters, "StartTime")
    points = sum(seconds / period for period in periods)
    if points > _MOST_POINTS:
        raise ServiceError(
            "InvalidParameterCombination",
            f"You have requested up to {points:,.0f} datapoints, which exceeds the limit of "
            f"{_MOST_POINTS:,}: increase Period or decrease the time range",
        )


def _unknown_statistic(name: str) -> ServiceError:
    if _OF_CLOUDWATCH.fullmatch(name):
        return not_implemented(
            f"the offline cloud does not emulate the statistic {name}: expected one of "
            f"{', '.join(sorted(PLAIN))} or a percentile such as p99"
        )
    message = f"The value {name} for parameter ExtendedStatistics is not supported."
    return ServiceError("InvalidParameterValue", message)
