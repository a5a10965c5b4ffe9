"""A plan from the command line's options: bad options, JSON, a sweep."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kennel.paths import TEMPLATE
from kennel.planner.command import PlanRequest, read_inputs, run
from kennel.planner.errors import PlanError


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("Colour=red", "'Colour' is not a parameter"),
        ("MinInstances=two", "MinInstances is 'two': expected a number"),
        ("MinInstances=9", "MaxInstances is 5 and MinInstances 9"),
        ("RateLimit=0", "RateLimit is 0: expected at least 1"),
        ("InstanceType=ml.p5.large", r"price missing.*prices\.json"),
        ("InstanceType=ml.t2.medium", "cannot scale"),
        ("InstanceType=ml.t3.medium", "is not a hosting type"),
        ("ReservedConcurrency", "is not a parameter: write"),
        ("RateLimit=1e300", "RateLimit is 1e\\+300: expected at most 1,000,000,000"),
        ("RateLimit=nan", "RateLimit is nan: expected at most"),
        ("TargetInvocationsPerInstance=inf", "TargetInvocationsPerInstance is inf: expected at m"),
        (f"ReservedConcurrency=1{'0' * 400}", "is a number of 401 digits: expected at most"),
        (f"MaxInstances={'9' * 5000}", "MaxInstances is '9+': expected a number"),
    ],
)
def test_settings_that_cannot_be_planned_with(given: str, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        read_inputs(PlanRequest("constant:1", template=TEMPLATE, parameters=[given]))


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    request = PlanRequest("constant:3", length="10m", template=TEMPLATE, as_json=True)
    run(request, Console(stderr=True, quiet=True))
    plan = json.loads(capsys.readouterr().out)
    assert plan["requests"] == pytest.approx(1800, rel=0.1)
    assert sum(plan["outcomes"].values()) == pytest.approx(plan["requests"])
    assert plan["usd_a_month"]["sum"] > 70
    assert plan["settings"]["ReservedConcurrency"] == "5"
    assert plan["capacity"]["RateLimit"] == 20.0
    assert plan["usd_for_1000_answers"] == pytest.approx(
        plan["usd_a_month"]["sum"] / (plan["answered_of_month"] * 3 * 30 * 86.4), rel=0.1
    )
    assert "present" not in plan
    options = plan["deployment_options"]
    assert [each["deployed_by_kennel"] for each in options] == [True, False, True]
    planned, inside, serverless = options
    assert planned["usd_a_month"] == plan["usd_a_month"]["sum"]
    assert inside["usd_a_month"] < planned["usd_a_month"]
    assert serverless["usd_a_month"] > 0
    assert all(each["latency_s"]["p99"] > each["latency_s"]["p50"] > 0 for each in options)


def test_the_exact_engine_is_refused_what_would_take_it_an_hour() -> None:
    request = PlanRequest("constant:1000", length="1d", template=TEMPLATE, engine="simulation")
    with pytest.raises(PlanError, match="would take the simulation too long"):
        run(request, Console(stderr=True, quiet=True))


def test_an_unknown_engine_is_refused() -> None:
    request = PlanRequest("constant:1", length="10m", template=TEMPLATE, engine="fast")
    with pytest.raises(PlanError, match="--engine is 'fast': expected analytic or simulation"):
        read_inputs(request)  # which a replay begins with too


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"traffic": "constant:1e300"}, "1e\\+300 requests a second at its peak: expected at most"),
        ({"traffic": "daily:1e999"}, "inf requests a second at its peak"),
        ({"traffic": "spike:10,x1e300,5m"}, "requests a second at its peak"),
        ({"traffic": f"constant:{'9' * 400}"}, "requests a second at its peak"),
        ({"length": f"{'9' * 400}d"}, "is not a length of time"),
        ({"service": "1e300s"}, "is longer than a day"),
        ({"service": "9" * 400}, "is neither a service time nor a file"),
        ({"service": "p50=0ms,p99=0ms"}, "'0ms' is no duration above 0"),
        ({"service": "mean=20ms,cv=1e300"}, "a cv of 1e\\+300: expected 0 to 100"),
        ({"service": "mean=20ms,cv=nan"}, "a cv of nan"),
        ({"work": "p50=1e300s,p99=1e300s"}, "is longer than a day"),
        ({"seed": -1}, "--seed is -1: expected 0 to"),
        ({"seed": 10**400}, "--seed is 10+: expected 0 to"),
        ({"workers": 10**400}, "workers is a number of 401 digits: expected at most 10,000"),
        ({"retries": 10**9}, "retries is 1e\\+09: expected at most 100"),
        ({"provisioned": 10**400}, "provisioned concurrency is a number of 401 digits"),
    ],
)
def test_huge_numbers_and_those_that_are_none_end_in_a_sentence(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(PlanError, match=says):
        read_inputs(PlanRequest(**{"traffic": "constant:1", "template": TEMPLATE, **options}))


def test_the_largest_rate_that_is_taken_is_planned(capsys: pytest.CaptureFixture[str]) -> None:
    request = PlanRequest("constant:1e6", length="10m", template=TEMPLATE, as_json=True)
    run(request, Console(stderr=True, quiet=True))
    assert json.loads(capsys.readouterr().out)["requests"] == pytest.approx(6e8, rel=0.01)


def test_a_sweep_is_in_the_json_and_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = PlanRequest(
        "constant:2", length="10m", template=TEMPLATE, as_json=True,
        sweep=["ReservedConcurrency=1,5", "MinInstances=1,2"], report=tmp_path / "plan.html",
    )  # fmt: skip
    run(request, Console(stderr=True, quiet=True))
    trials = json.loads(capsys.readouterr().out)["sweep"]
    assert len(trials) == 4
    costs = [trial["usd_a_month"] for trial in trials]
    assert max(costs) > min(costs)
    assert "ReservedConcurrency" in (tmp_path / "plan.html").read_text()


def test_with_an_objective_the_numbers_are_those_of_the_recommended_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = PlanRequest(
        "constant:3", length="1h", template=TEMPLATE, as_json=True, objective="success=99%",
        report=tmp_path / "plan.html",
    )  # fmt: skip
    run(request, Console(stderr=True, quiet=True))
    plan = json.loads(capsys.readouterr().out)
    assert plan["settings"] == plan["recommendation"]["parameters"] != plan["present"]["settings"]
    assert plan["answered_of_month"] > 0.99
    assert plan["present"]["answered_of_month"] == pytest.approx(10_000 / (3 * 86_400), rel=0.05)
    assert plan["present"]["usd_a_month"]["sum"] > 0
    page = (tmp_path / "plan.html").read_text()
    assert "<h1>3 requests/s</h1>" in page
    assert "With the recommended settings a month of this traffic costs" in page
    assert page.index(">recommended</th>") < page.index(">present</th>")
