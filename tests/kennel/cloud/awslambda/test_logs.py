"""What functions print lands in CloudWatch Logs and, where it says so, in metrics."""

import asyncio
import json
from pathlib import Path

import pytest

from kennel.cloud.awslambda.function_config import FunctionConfig
from kennel.cloud.awslambda.logs import FunctionLogs
from kennel.cloud.cloudwatch.metrics import Metrics, Series
from kennel.cloud.iam.identity import Identities
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import read_role
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.log_files import cut_logs

EMBEDDED = {
    "_aws": {
        "Timestamp": 1,
        "CloudWatchMetrics": [
            {
                "Namespace": "Kennel",
                "Dimensions": [["Endpoint"], ["Endpoint", "Status"]],
                "Metrics": [{"Name": "TookMs", "Unit": "Milliseconds"}],
            }
        ],
    },
    "Endpoint": "kennel",
    "Status": "200",
    "TookMs": [40.0, 2.0],
}


def function(name: str, role: str) -> FunctionConfig:
    return FunctionConfig(name, "app.handler", 128, 3, 1, role, {}, (), f"logs-of-{name}")


def authorizer(name: str = "heard") -> Authorizer:
    def role(allowed: str) -> dict[str, object]:
        statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": allowed}
        return {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]}

    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:logs-of-{name}:*"
    roles = {"May": read_role("may", role(arn)), "MayNot": read_role("may-not", role(arn))}
    return Authorizer(Identities(roles))


def test_lines_and_embedded_metrics_are_passed_on(moto: str, tmp_path: Path) -> None:
    logs = client("logs", moto)
    for group in ("logs-of-heard", "logs-of-silent"):
        logs.create_log_group(logGroupName=group)
    functions = {"heard": function("heard", "May"), "silent": function("silent", "MayNot")}
    clock = Clock()
    metrics = Metrics(clock)
    followed = FunctionLogs(functions, tmp_path, logs, authorizer(), metrics, clock=clock)

    async def whole() -> list[float | None]:
        await followed.copy()  # nothing was printed yet
        for name in functions:
            with (tmp_path / f"{name}.log").open("w") as file:
                file.write(f"first\n{json.dumps(EMBEDDED)}\nhalf a li")
        await followed.copy()
        with (tmp_path / "heard.log").open("a") as file:
            file.write('ne\n{"_aws": {"CloudWatchMetrics": 5}}\n')
        await followed.copy()
        series = [
            Series.of("Kennel", "TookMs", {"Endpoint": "kennel"}),
            Series.of("Kennel", "TookMs", {"Endpoint": "kennel", "Status": "200"}),
        ]
        start = clock.now() - 3600
        return [(await metrics.points(each, "Sum", 7200, start, 1))[0] for each in series]

    assert asyncio.run(whole()) == [84.0, 84.0]  # both functions printed it
    (stream,) = logs.describe_log_streams(logGroupName="logs-of-heard")["logStreams"]
    events = logs.get_log_events(
        logGroupName="logs-of-heard", logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    assert [each["message"] for each in events][::2] == ["first", "half a line"]
    assert "[$LATEST]" in stream["logStreamName"]
    assert logs.describe_log_streams(logGroupName="logs-of-silent")["logStreams"] == []


def test_lines_of_a_log_that_was_cut_are_not_lost(moto: str, tmp_path: Path) -> None:
    logs = client("logs", moto)
    logs.create_log_group(logGroupName="logs-of-cut")
    functions = {"cut": function("cut", "May")}
    clock = Clock()
    followed = FunctionLogs(
        functions, tmp_path, logs, authorizer("cut"), Metrics(clock), clock=clock
    )
    log = tmp_path / "cut.log"

    async def whole() -> None:
        log.write_text("first\n")
        await followed.copy()
        log.write_text("first\nlast before\n")
        cut_logs(tmp_path, most=1)
        with log.open("a") as file:
            file.write("a\n")
        await followed.copy()

    asyncio.run(whole())
    (stream,) = logs.describe_log_streams(logGroupName="logs-of-cut")["logStreams"]
    events = logs.get_log_events(
        logGroupName="logs-of-cut", logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    assert [each["message"] for each in events] == ["first", "last before", "a"]


@pytest.mark.parametrize("skipped_s", [0, 900, 86_400])
def test_lines_have_the_offline_time_up_to_what_cloudwatch_takes(
    moto: str, tmp_path: Path, skipped_s: int
) -> None:
    logs, name = client("logs", moto), f"timed-{skipped_s}"
    logs.create_log_group(logGroupName=f"logs-of-{name}")
    clock = Clock()
    functions = {name: function(name, "May")}
    followed = FunctionLogs(
        functions, tmp_path, logs, authorizer(name), Metrics(clock), clock=clock
    )
    clock.skip(skipped_s)
    (tmp_path / f"{name}.log").write_text("a\n")
    asyncio.run(followed.copy())
    (event,) = logs.filter_log_events(logGroupName=f"logs-of-{name}")["events"]
    behind = clock.now() - event["timestamp"] / 1000
    assert behind < 5 if skipped_s < 7200 else skipped_s - 7200 < behind < skipped_s
