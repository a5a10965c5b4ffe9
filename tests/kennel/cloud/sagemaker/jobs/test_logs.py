"""Metrics by a job's own expressions, and what of a log is sent when."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kennel.cloud.sagemaker.jobs.logs import LogStream, Metrics


class Logs:
    """CloudWatch Logs: takes events, or denies all."""

    class exceptions:  # noqa: N801 - as boto3 has it
        class ResourceAlreadyExistsException(Exception):  # noqa: N818
            pass

    def __init__(self, denies: bool = False) -> None:
        self.said: list[str] = []
        self._denies = denies

    def create_log_group(self, **_: Any) -> None:
        if self._denies:
            error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, "CreateLogGroup")
        raise self.exceptions.ResourceAlreadyExistsException

    def create_log_stream(self, **_: Any) -> None:
        pass

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803
        self.said += [each["message"] for each in logEvents]


def test_the_last_value_counts_and_every_value_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("loss=1.5 acc=0.1\nloss=nonsense\nloss=0.5\n\xff acc=0.9\n", "latin-1")
    metrics = Metrics(
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


def test_whole_lines_are_sent_once(tmp_path: Path) -> None:
    log, logs = tmp_path / "log", Logs()
    stream = LogStream(logs, "group", "stream", log)
    stream.send()  # there is no log yet
    log.write_text("one\n\ntw")
    stream.send()
    assert logs.said == ["one", " "]  # CloudWatch takes no empty message
    with log.open("a") as file:
        file.write("o\n")
    stream.send()
    stream.send()
    assert logs.said == ["one", " ", "two"]


def test_a_role_that_may_not_write_logs_leaves_none(tmp_path: Path) -> None:
    log, logs = tmp_path / "log", Logs(denies=True)
    log.write_text("one\n")
    LogStream(logs, "group", "stream", log).send()
    assert logs.said == []
