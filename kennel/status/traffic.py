"""Read the traffic of the last hour from CloudWatch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kennel.deployed import DeployedStack

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Traffic:
    """What the API answered from `since` on, an hour; None where there was nothing to measure.

    Attributes
    ----------
    client_errors, server_errors
        Answers with a status of 400 to 499, and of 500 or more.
    throttles
        Requests that found no free execution of the classifier.
    concurrency
        Most executions of the classifier at once.
    p50_ms, p90_ms
        Of the latency of all answers.
    no_dog, confidence
        Share of photos without a dog, and mean probability of the first breed of the others.
    """

    since: datetime
    requests: int
    client_errors: int
    server_errors: int
    throttles: int
    concurrency: int | None
    p50_ms: float | None
    p90_ms: float | None
    no_dog: float | None
    confidence: float | None


def read_traffic(
    cloudwatch: CloudWatchClient, name: str, stack: DeployedStack, now: datetime
) -> Traffic:
    """Read an hour of a stack's CloudWatch metrics, up to `now`, in one GetMetricData call."""
    # CloudWatch takes whole minutes; the one that has begun is in the hour, which is one period.
    since = (now - _HOUR).replace(second=0, microsecond=0) + timedelta(minutes=1)
    api, answers = {"ApiName": name}, {"Endpoint": stack.outputs["EndpointName"]}
    function = {"FunctionName": stack.physical.get("ClassifyFunction", "")}
    wanted: dict[str, tuple[str, str, dict[str, str], str]] = {
        "requests": ("AWS/ApiGateway", "Count", api, "Sum"),
        "client_errors": ("AWS/ApiGateway", "4XXError", api, "Sum"),
        "server_errors": ("AWS/ApiGateway", "5XXError", api, "Sum"),
        "p50_ms": ("AWS/ApiGateway", "Latency", api, "p50"),
        "p90_ms": ("AWS/ApiGateway", "Latency", api, "p90"),
        "throttles": ("AWS/Lambda", "Throttles", function, "Sum"),
        "concurrency": ("AWS/Lambda", "ConcurrentExecutions", function, "Maximum"),
        "no_dog": ("Kennel", "NotADog", answers, "Average"),
        "confidence": ("Kennel", "Confidence", answers, "Average"),
    }
    queries: Any = [
        {
            "Id": query,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in of.items()],
                },
                "Period": int(_HOUR.total_seconds()),
                "Stat": statistic,
            },
        }
        for query, (namespace, metric, of, statistic) in wanted.items()
    ]
    data = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=since, EndTime=since + _HOUR
    )
    values = {each["Id"]: each["Values"] for each in data["MetricDataResults"]}

    def measured(query: str) -> float | None:
        return values[query][0] if values.get(query) else None

    def count(query: str) -> int:
        return round(sum(values.get(query, [])))

    most = measured("concurrency")
    return Traffic(
        since,
        requests=count("requests"),
        client_errors=count("client_errors"),
        server_errors=count("server_errors"),
        throttles=count("throttles"),
        concurrency=None if most is None else round(most),
        p50_ms=measured("p50_ms"),
        p90_ms=measured("p90_ms"),
        no_dog=measured("no_dog"),
        confidence=measured("confidence"),
    )
