"""CloudWatch's calls for percentiles, by boto3 and as a form, over metrics counted here."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.cloudwatch.percentiles import Percentiles
from kennel.cloud.handlers import checked
from kennel.cloud.iam.requests import Signature, read_call, url_of
from kennel.cloud.moto_backend.proxy import MotoProxy
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError, error_response
from kennel.cloud.runtime.processes import listen

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = {"StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(hours=1)}
DIMENSIONS = {"ApiName": "tried"}
METRIC = {
    "Namespace": "AWS/ApiGateway",
    "MetricName": "Latency",
    "Dimensions": [{"Name": "ApiName", "Value": "tried"}],
}


@pytest.fixture(scope="module")
def url(moto: str) -> Iterator[str]:
    """Address of CloudWatch, with a hundred latencies of 1 to 100 ms counted a minute ago."""
    clock = Clock()
    metrics = Metrics(clock, client("cloudwatch", moto))
    for value in range(1, 101):
        when = clock.now() - 60
        metrics.count("AWS/ApiGateway", "Latency", DIMENSIONS, value, "Milliseconds", when=when)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        signature = Signature("kennel-operator", "monitoring")
        proxy = MotoProxy(moto, {})
        answer = checked(Percentiles(metrics, clock, client("cloudwatch", moto), proxy))
        try:
            call = read_call(signature, "POST", url_of(request), request.headers, body)
            response = await answer(request, call)
        except ServiceError as error:
            response = error_response("monitoring", error, request.headers)
        await response(scope, receive, send)

    sock = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def cloudwatch(url: str) -> Any:
    return client("cloudwatch", url)


def query(name: str, stat: str, metric: Any = METRIC, period: int = 3600) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


@pytest.mark.parametrize(
    ("stat", "value"),
    [("p99", 99), ("p50", 50), ("p0", 1), ("p100", 100), ("p99.9", 100), ("p0.5", 1)],
)
def test_a_percentile_is_that_of_the_values_counted(
    cloudwatch: Any, stat: str, value: float
) -> None:
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query("m", stat)], **HOUR)
    (result,) = answer["MetricDataResults"]
    assert result["Values"] == [value]
    assert (result["Label"], result["StatusCode"]) == (f"Latency {stat}", "Complete")
    statistics = cloudwatch.get_metric_statistics(
        **METRIC, **HOUR, Period=3600, Statistics=["Sum", "Maximum"], ExtendedStatistics=[stat]
    )
    points = statistics["Datapoints"]
    assert value in [each["ExtendedStatistics"][stat] for each in points]
    assert sum(each["Sum"] for each in points) == 5050
    assert {each["Unit"] for each in points} == {"Milliseconds"}


def test_queries_keep_their_order_and_points_theirs(cloudwatch: Any) -> None:
    queries = [query("a", "p90"), query("b", "Average"), query("c", "p10")]
    answer = cloudwatch.get_metric_data(MetricDataQueries=queries, **HOUR)
    assert [each["Id"] for each in answer["MetricDataResults"]] == ["a", "b", "c"]
    newest_first = query("m", "p50", period=10)
    forward = cloudwatch.get_metric_data(
        MetricDataQueries=[newest_first], ScanBy="TimestampAscending", **HOUR
    )["MetricDataResults"][0]["Timestamps"]
    back = cloudwatch.get_metric_data(MetricDataQueries=[newest_first], **HOUR)
    assert back["MetricDataResults"][0]["Timestamps"] == forward[::-1]


@pytest.mark.parametrize("stat", ["Sum", "p100"])
def test_periods_begin_at_the_start_and_have_what_was_counted_a_moment_ago(
    cloudwatch: Any, stat: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # not NOW, which may be long ago
    start = (now - timedelta(minutes=59)).replace(second=0)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query("m", stat)], StartTime=start, EndTime=now + timedelta(seconds=30)
    )
    (result,) = answer["MetricDataResults"]
    assert result["Values"] == [{"Sum": 5050, "p100": 100}[stat]]
    assert result["Timestamps"] == [start]


def test_percentiles_from_before_a_restart_are_missing_and_not_refused(
    cloudwatch: Any, moto: str
) -> None:
    earlier = {**METRIC, "Dimensions": [{"Name": "ApiName", "Value": "earlier"}]}
    client("cloudwatch", moto).put_metric_data(
        Namespace=METRIC["Namespace"],
        MetricData=[{**{k: earlier[k] for k in ("MetricName", "Dimensions")}, "Value": 1.0}],
    )
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query("m", "p99", earlier)], **HOUR)
    assert answer["MetricDataResults"][0]["Values"] == []


def test_a_metric_without_values_has_no_points(cloudwatch: Any) -> None:
    unknown = {**METRIC, "MetricName": "Nothing"}
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query("m", "p99", unknown)], **HOUR)
    assert answer["MetricDataResults"][0]["Values"] == []


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("stat", "code"),
    [
        *(("tm(10%:90%)", "NotImplementedOffline"), ("IQM", "NotImplementedOffline")),
        *(("TS90", "NotImplementedOffline"), ("PR(1:2)", "NotImplementedOffline")),
        *(("p101", "InvalidParameterValue"), ("p", "InvalidParameterValue")),
        *(("junk", "InvalidParameterValue"), ("sum", "InvalidParameterValue")),
    ],
)
def test_a_statistic_that_is_none_here_is_refused_by_name(
    cloudwatch: Any, stat: str, code: str
) -> None:
    received, message = refusal(
        cloudwatch.get_metric_data, MetricDataQueries=[query("m", stat)], **HOUR
    )
    assert received == code
    assert stat in message


@pytest.mark.parametrize("metric", [{}, {"Namespace": "n"}, {"MetricName": "m"}])
def test_a_metric_without_a_name_is_refused(cloudwatch: Any, metric: dict[str, str]) -> None:
    code, message = refusal(
        cloudwatch.get_metric_data, MetricDataQueries=[query("m", "p99", metric)], **HOUR
    )
    assert code == "ValidationError"
    assert "is required" in message


@pytest.mark.parametrize("stat", ["Sum", "p99"])
def test_metric_math_is_refused_by_name(cloudwatch: Any, stat: str) -> None:
    queries = [query("m", stat), {"Id": "e", "Expression": "m * 2"}]
    code, message = refusal(cloudwatch.get_metric_data, MetricDataQueries=queries, **HOUR)
    assert (code, "metric math" in message) == ("NotImplementedOffline", True)


def test_percentiles_of_what_a_client_wrote_are_refused_by_name(cloudwatch: Any, moto: str) -> None:
    datum = {"MetricName": "Own", "Value": 1.0}
    client("cloudwatch", moto).put_metric_data(Namespace="Mine", MetricData=[datum])
    own = {"Namespace": "Mine", "MetricName": "Own"}
    code, message = refusal(
        cloudwatch.get_metric_data, MetricDataQueries=[query("m", "p99", own)], **HOUR
    )
    assert code == "NotImplementedOffline"
    assert "Mine Own" in message


def test_more_points_than_cloudwatch_returns_are_refused(cloudwatch: Any) -> None:
    ages = {"StartTime": datetime(1971, 1, 1, tzinfo=UTC), "EndTime": NOW}
    for stat in ("p99", "Sum"):
        code, _ = refusal(
            cloudwatch.get_metric_data, MetricDataQueries=[query("m", stat, period=60)], **ages
        )
        assert code == "InvalidParameterCombination"


def test_a_form_gets_its_answer_in_xml(url: str) -> None:
    form = {
        **{"Action": "GetMetricStatistics", "Version": "2010-08-01", "Period": "3600"},
        **{"Namespace": "AWS/ApiGateway", "MetricName": "Latency"},
        **{"Dimensions.member.1.Name": "ApiName", "Dimensions.member.1.Value": "tried"},
        **{"StartTime": HOUR["StartTime"].isoformat(), "EndTime": HOUR["EndTime"].isoformat()},
        "ExtendedStatistics.member.1": "p99",
    }
    answer = httpx.post(url, data=form)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<key>p99</key><value>99" in answer.text.replace("\n", "").replace(" ", "")
    assert httpx.post(url, data={**form, "Period": "0"}).status_code == 400
    assert httpx.post(url, data={**form, "StartTime": "junk"}).status_code == 400
