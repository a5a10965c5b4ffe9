import logging
from typing import Any

import pytest

from classify.observation import Observation
from common.problem import BadRequest, BadUpstream, TooLarge


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


def metrics_of(line: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Return the values that CloudWatch extracts, by the metric and its dimensions."""
    values = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        [keys] = directive["Dimensions"]
        dimensions = ",".join(f"{key}={line[key]}" for key in keys)
        for metric in directive["Metrics"]:
            [value] = line[metric["Name"]]
            values[metric["Name"], dimensions] = value
    return values


@pytest.mark.parametrize(
    ("is_dog", "shown"), [(True, {"NotADog": 0, "Confidence": 0.75}), (False, {"NotADog": 1})]
)
def test_an_answer_counts_in_the_share_without_a_dog_and_the_confidence(
    is_dog: bool, shown: dict[str, float]
) -> None:
    log = FakeLog()
    with Observation(log, "kennel") as observation:
        with observation.stage("DecodeMs"):
            pass
        with observation.stage("InvokeMs"):
            pass
        observation.answered(model="m@1", is_dog=is_dog, breed="Pug", confidence=0.75)
    metrics = metrics_of(log.lines[0][1])
    times = {"TookMs", "DecodeMs", "InvokeMs"}
    by_status = {name for name, where in metrics if where == "Endpoint=kennel,Status=200"}
    of_answer = {name: value for (name, where), value in metrics.items() if where.count("=") == 1}
    assert (by_status, of_answer) == (times, shown)


@pytest.mark.parametrize(
    ("raised", "status", "reason"),
    [
        (BadRequest("x", reason="photo"), 400, "photo"),
        (TooLarge("x"), 413, "TooLarge"),
        (ZeroDivisionError(), 500, "Crash"),
    ],
)
def test_a_refusal_counts_under_its_reason(raised: Exception, status: int, reason: str) -> None:
    log = FakeLog()
    with (
        pytest.raises(type(raised)),
        Observation(log, "kennel") as observation,
        observation.stage("DecodeMs"),
    ):
        raise raised
    metrics = metrics_of(log.lines[0][1])
    assert metrics["Refusals", f"Endpoint=kennel,Reason={reason}"] == 1
    assert ("DecodeMs", f"Endpoint=kennel,Status={status}") in metrics
    assert len(metrics) == 3  # TookMs too, and neither NotADog nor Confidence


def test_only_facts_are_sampled() -> None:
    log = FakeLog()
    for draw in (0.09, 0.1, 0.99):
        with Observation(log, "kennel", 0.1, iter([draw]).__next__) as observation:
            observation.add(kind="JPEG")
            observation.answered(model="m@1", is_dog=True, breed="Pug", confidence=0.5)
    with pytest.raises(BadRequest), Observation(log, "kennel", 0.0, lambda: 0.5) as observation:
        observation.add(bytes=3)
        raise BadRequest("x")
    assert ["kind" in line for _, line in log.lines] == [True, False, False, False]
    assert all("TookMs" in line for _, line in log.lines)
    assert all(line["breed"] == "Pug" and line["model"] == "m@1" for _, line in log.lines[:3])
    assert log.lines[3][1]["bytes"] == 3


@pytest.mark.parametrize(("is_dog", "breed"), [(True, "Pug"), (False, None)])
def test_every_answers_line_has_what_drift_is_measured_by(is_dog: bool, breed: str | None) -> None:
    log = FakeLog()
    with Observation(log, "kennel", 0.0, lambda: 0.5) as observation:
        observation.answered(model="m@1", is_dog=is_dog, breed="Pug", confidence=0.5)
    line = log.lines[0][1]
    assert (line["model"], line["breed"]) == ("m@1", breed)


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
