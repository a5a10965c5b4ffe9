import logging
from typing import Any

import pytest

from classify.observation import Observation
from common.problem import BadUpstream


class FakeLog:
    """A log that keeps its lines."""

    def __init__(self, level: int = logging.INFO) -> None:
        self.level = level
        self.lines: list[tuple[object, dict[str, Any]]] = []

    def log(self, level: int, msg: object, /, *, extra: dict[str, Any]) -> None:
        if level >= self.level:
            self.lines.append((msg, extra))


def test_request_logs_one_line_that_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "classify")  # no dimension of the metric
    log = FakeLog()
    with Observation(log, "kennel") as observation:
        observation.add(kind="JPEG", bytes=3)
    [(message, line)] = log.lines
    assert message == "classified"
    assert set(line) == {"_aws", "Endpoint", "Status", "TookMs", "kind", "bytes"}
    assert (line["Endpoint"], line["Status"]) == ("kennel", "200")
    assert (line["kind"], line["bytes"]) == ("JPEG", 3)
    [value] = line["TookMs"]
    assert value >= 0
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert line["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "Kennel",
            "Dimensions": [["Endpoint", "Status"]],
            "Metrics": [{"Name": "TookMs", "Unit": "Milliseconds"}],
        }
    ]


def test_nothing_of_a_request_is_in_the_next_line() -> None:
    log = FakeLog()
    with Observation(log, "kennel") as observation:
        observation.add(kind="JPEG")
    with pytest.raises(ZeroDivisionError), Observation(log, "kennel"):
        raise ZeroDivisionError
    assert "kind" not in log.lines[1][1]
    assert len(log.lines[1][1]["TookMs"]) == 1


def test_problem_is_counted_under_its_status_with_its_cause() -> None:
    log = FakeLog()
    with pytest.raises(BadUpstream), Observation(log, "kennel"):
        raise BadUpstream("The model failed.") from ValueError("arn:aws:secret")
    [(message, line)] = log.lines
    assert message == "refused"
    assert line["Status"] == "502"
    assert line["detail"] == "The model failed."
    assert line["cause"] == "ValueError('arn:aws:secret')"  # for the operator only


def test_unexpected_error_is_counted_as_500() -> None:
    log = FakeLog()
    with pytest.raises(ZeroDivisionError), Observation(log, "kennel"):
        raise ZeroDivisionError
    assert log.lines[0][1]["Status"] == "500"


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def test_metric_does_not_depend_on_the_level(level: int) -> None:
    log = FakeLog(level)
    with Observation(log, "kennel"):
        pass
    assert len(log.lines) == 1
