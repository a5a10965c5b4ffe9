from typing import Any

import pytest

from classify.observation import Observation
from common.problem import BadUpstream


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[object, dict[str, Any]]] = []

    def info(self, msg: object, /, *, extra: dict[str, Any]) -> None:
        self.lines.append((msg, extra))


def test_a_request_leaves_one_line_that_is_a_metric() -> None:
    log = Lines()
    with Observation(log, "kennel") as observation:
        observation.note(kind="JPEG", bytes=3)
    [(message, line)] = log.lines
    assert message == "classified"
    assert (line["Endpoint"], line["Status"]) == ("kennel", "200")
    assert (line["kind"], line["bytes"]) == ("JPEG", 3)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    # The embedded metric format: each metric and dimension must be a member of the line itself.
    named = [metric["Name"] for metric in directive["Metrics"]] + directive["Dimensions"][0]
    assert set(named) <= set(line)
    assert line["TookMs"] >= 0
    assert isinstance(line["_aws"]["Timestamp"], int)


def test_a_problem_is_counted_under_its_status_with_its_cause() -> None:
    log = Lines()
    with pytest.raises(BadUpstream), Observation(log, "kennel"):
        raise BadUpstream("The model failed.") from ValueError("arn:aws:secret")
    [(message, line)] = log.lines
    assert message == "refused"
    assert line["Status"] == "502"
    assert line["detail"] == "The model failed."
    assert line["cause"] == "ValueError('arn:aws:secret')"  # for the operator only


def test_a_crash_is_counted_as_500() -> None:
    log = Lines()
    with pytest.raises(ZeroDivisionError), Observation(log, "kennel"):
        raise ZeroDivisionError
    assert log.lines[0][1]["Status"] == "500"
