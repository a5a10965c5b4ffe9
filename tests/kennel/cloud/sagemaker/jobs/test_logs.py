"""Read metrics by a job's own expressions, and send its log to CloudWatch (emulated by moto)."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from kennel.cloud.runtime.clients import client
from kennel.cloud.sagemaker.jobs.logs import LogMetrics, LogStream

if TYPE_CHECKING:
    from types_boto3_logs.client import CloudWatchLogsClient

GROUP = "/job/logs"


@pytest.fixture
def logs(moto_url: str) -> "CloudWatchLogsClient":
    logs: CloudWatchLogsClient = client("logs", moto_url)
    return logs


def messages(logs: "CloudWatchLogsClient", stream: str) -> list[str]:
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
    return [event.get("message", "") for event in events["events"]]


def test_all_values_are_read_and_the_last_one_is_final(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("loss=1.5 acc=0.1\nloss=nonsense\nloss=0.5\n\xff acc=0.9\n", "latin-1")
    metrics = LogMetrics(
        [
            {"Name": "loss", "Regex": r"loss=(\S+)"},
            {"Name": "acc", "Regex": r"acc=([0-9.]+)"},
            {"Name": "never", "Regex": r"never=([0-9.]+)"},
        ]
    )
    assert metrics.values([log]) == {"loss": [1.5, 0.5], "acc": [0.1, 0.9], "never": []}
    assert metrics.final([log, tmp_path / "absent"], 7.0) == [
        {"MetricName": "loss", "Value": 0.5, "Timestamp": 7.0},
        {"MetricName": "acc", "Value": 0.9, "Timestamp": 7.0},
    ]


def test_complete_lines_are_sent_once(logs: "CloudWatchLogsClient", tmp_path: Path) -> None:
    log = tmp_path / "log"
    stream = LogStream(logs, GROUP, "lines", log)
    stream.send()  # the log does not exist yet
    log.write_text("one\n\ntw")
    stream.send()
    assert messages(logs, "lines") == ["one", " "]  # CloudWatch takes no empty message
    with log.open("a") as file:
        file.write("o\n")
    stream.send()
    stream.send()
    assert messages(logs, "lines") == ["one", " ", "two"]


def test_an_existing_log_group_is_used(logs: "CloudWatchLogsClient", tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("line\n")
    for name in ("first", "second"):
        LogStream(logs, GROUP, name, log).send()
        assert messages(logs, name) == ["line"]


def test_a_role_without_permission_leaves_no_log(
    logs: "CloudWatchLogsClient", tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("one\n")
    with Stubber(logs) as stubber:
        stubber.add_client_error("create_log_group", "AccessDeniedException")
        LogStream(logs, GROUP, "denied", log).send()
        stubber.assert_no_pending_responses()
