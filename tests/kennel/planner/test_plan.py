"""What a person gets: settings read, prices, findings, recommendation, report, JSON."""

import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kennel.paths import TEMPLATE
from kennel.planner.analysis import alternatives, bottlenecks, costs, recommend, slo, sweep
from kennel.planner.command import Ask, read, run
from kennel.planner.engines.analytic import estimate
from kennel.planner.errors import BadPlan
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PARAMETERS, Settings, read_template
from kennel.planner.inputs.traffic import DAY, constant, parse, spike
from kennel.planner.output import report

ROOMY = Settings(quota=10**9, rate=200.0, burst=200, reserved=50)


def test_the_template_s_own_defaults_are_planned_with() -> None:
    found = read_template(TEMPLATE)
    assert (found.reserved, found.minimum, found.maximum) == (5, 1, 5)
    assert (found.in_cooldown, found.out_cooldown, found.memory_mb) == (30, 30, 1769)
    assert set(found.overrides()) == set(PARAMETERS)
    assert found.with_parameters(found.overrides()) == found


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("Colour=red", "'Colour' is no parameter"),
        ("MinInstances=two", "MinInstances is 'two': expected a number"),
        ("MinInstances=9", "MaxInstances is 5 and MinInstances 9"),
        ("RateLimit=0", "RateLimit is 0: expected at least 1"),
        ("InstanceType=ml.p5.large", r"price missing.*prices\.json"),
        ("InstanceType=ml.t2.medium", "cannot scale"),
        ("InstanceType=ml.t3.medium", "is no hosting type"),
        ("ReservedConcurrency", "is no parameter: write"),
    ],
)
def test_settings_that_cannot_be_planned_with(given: str, says: str) -> None:
    with pytest.raises(BadPlan, match=says):
        read(Ask("constant:1", template=TEMPLATE, parameters=[given]))


def test_a_price_file_names_what_it_lacks(tmp_path: Path) -> None:
    held = json.loads(prices.FILE.read_text())
    del held["lambda_gb_second"]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(held))
    result = estimate(ROOMY, constant(5, 600))
    with pytest.raises(BadPlan, match=r"price missing: lambda_gb_second is not in mine\.json"):
        costs.bill(result, prices.read(path))
    path.write_text('{\n"date": \n}')
    with pytest.raises(BadPlan, match=r"mine\.json, line 3: no JSON"):
        prices.read(path)
    held["lambda_gb_second"] = {"usd": -1, "source": "x"}
    path.write_text(json.dumps(held))
    with pytest.raises(BadPlan, match="a number from 0"):
        costs.bill(result, prices.read(path))


def test_every_price_has_a_source_and_the_file_a_date() -> None:
    held = prices.read().held
    entries = [*held["endpoint_hour"].values(), *(e for e in held.values() if "usd" in e)]
    entries = [entry for entry in entries if isinstance(entry, dict)]
    assert len(entries) >= 9
    assert all(entry["source"] for entry in entries)
    assert prices.read().date == "2026-11-22"


def test_the_bill_by_hand() -> None:
    # One instance all month: 720 h x 0.102. 5 requests a second: 12.96 million, at 3.50 and 0.20
    # a million; each 0.1 s of 1 GB at 1.66667e-5.
    settings = replace(
        ROOMY, minimum=1, maximum=1, memory_mb=1024,
        work=replace(ROOMY.work, points=np.full(1, 0.08)),
        service=replace(ROOMY.service, points=np.full(1, 0.02)), cold_start=ROOMY.service.scaled(0),
    )  # fmt: skip
    result = estimate(settings, constant(5, DAY))
    usd = {part.name: part.usd for part in costs.bill(result, prices.read())}
    assert usd["endpoint instances"] == pytest.approx(720 * 0.102)
    assert usd["API requests"] == pytest.approx(12.96 * 3.50, rel=0.01)
    assert usd["Lambda requests"] == pytest.approx(12.96 * 0.20, rel=0.01)
    assert usd["Lambda time"] == pytest.approx(12.96e6 * 0.1 * 1.66667e-5, rel=0.03)


def test_provisioned_concurrency_is_paid_for_and_starts_nothing_cold() -> None:
    settings = replace(ROOMY, reserved=10, provisioned=10)
    result = estimate(settings, constant(5, 3600))
    assert result.cold_starts == 0
    usd = {part.name: part.usd for part in costs.bill(result, prices.read())}
    gigabytes = 10 * 1769 / 1024
    assert usd["Lambda provisioned concurrency"] == pytest.approx(gigabytes * 30 * DAY * 4.1667e-6)


def test_five_executions_can_never_push_the_endpoint_past_n_instances() -> None:
    # 5 executions of 0.5 s make 10 requests a second, 600 a minute: one instance at target 640
    times = Settings().work
    settings = replace(
        ROOMY, reserved=5, target=640.0, maximum=5,
        work=replace(times, points=np.full(1, 0.4)), service=replace(times, points=np.full(1, 0.1)),
    )  # fmt: skip
    instances, minute = bottlenecks.most_instances(settings)
    assert instances == 1
    assert minute == pytest.approx(600)
    result = estimate(settings, constant(60, 3600))
    assert result.in_service.max() == 1
    told = " ".join(bottlenecks.say(result))
    assert "5 concurrent executions can never push the endpoint past 1 instance:" in told
    assert bottlenecks.binding(result) == "ReservedConcurrency"


def test_the_quota_that_binds_is_named() -> None:
    result = estimate(replace(ROOMY, quota=1000), constant(2, 3600))
    assert bottlenecks.binding(result) == "DailyQuota"
    assert result.ended(0) == pytest.approx(1000, abs=2)


def test_a_quota_is_new_at_midnight() -> None:
    result = estimate(replace(ROOMY, quota=1000), constant(1, 2 * DAY))
    assert result.ended(0) == pytest.approx(2000, abs=3)


def test_the_endpoint_is_named_where_executions_only_wait_for_it() -> None:
    settings = replace(ROOMY, reserved=10, maximum=1, service=ROOMY.service.scaled(20))
    told = " ".join(bottlenecks.say(estimate(settings, constant(40, 1200))))
    assert "The endpoint is why" in told


def test_it_is_the_alarm_and_not_the_cooldown() -> None:
    settings = replace(ROOMY, target=100.0, maximum=3)
    told = " ".join(bottlenecks.say(estimate(settings, spike(1, 5, 20, 3600))))
    assert "The cooldown of 30 s is not what binds" in told


@pytest.mark.parametrize("text", ["", "p98=1s", "success=101%", "p99=1", "p99=1s,p95=1s"])
def test_what_is_no_objective(text: str) -> None:
    with pytest.raises(BadPlan, match=r"write p99=1s,success=99\.9%"):
        slo.parse(text)


def test_the_recommendation_keeps_its_promise_and_is_written_to_paste() -> None:
    settings = replace(ROOMY, reserved=2, rate=5.0, burst=5, quota=1000)
    profile = spike(4, 3, 10, 3600)
    objective = slo.parse("p99=1s,success=99.9%")
    assert not objective.met(estimate(settings, profile, 0))
    found = recommend.advise(settings, profile, prices.read(), objective, seed=0)
    assert found.best is not None
    assert objective.met(estimate(found.best, profile, 0))
    assert "sam deploy --parameter-overrides " in found.overrides
    assert f"ParameterKey=RateLimit,ParameterValue={found.best.rate:g}" in found.overrides
    pasted = dict(
        pair.split("=") for pair in found.overrides.splitlines()[0].split() if "=" in pair
    )
    assert settings.with_parameters(pasted).overrides() == found.best.overrides()


def test_a_promise_that_nothing_keeps() -> None:
    found = recommend.advise(ROOMY, constant(3, 600), prices.read(), slo.parse("p99=1ms"), seed=0)
    assert found.best is None
    assert "None of" in found.sentence


def test_a_sweep_is_a_grid_without_its_impossible_corners() -> None:
    plans = sweep.grid(ROOMY, ["MinInstances=1,6", "MaxInstances=3,8"])
    assert [changed for _, changed in plans] == [
        {"MinInstances": "1", "MaxInstances": "3"},
        {"MinInstances": "1", "MaxInstances": "8"},
        {"MinInstances": "6", "MaxInstances": "8"},
    ]
    with pytest.raises(BadPlan, match="cannot sweep"):
        sweep.grid(ROOMY, ["MinInstances"])


def test_nothing_on_the_pareto_front_is_beaten() -> None:
    def one(usd: float, p99: float, answered: float = 1.0) -> sweep.Try:
        return sweep.Try(ROOMY, {}, usd, p99, answered, 1.0)

    tries = [one(10, 5), one(20, 3), one(15, 6), one(30, 3), one(5, 1, answered=0.5)]
    assert sweep.pareto(tries) == [0, 1]


class Balanced(HTMLParser):
    """Checks that what is opened is closed, and that nothing is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_whole_file_that_fetches_nothing(tmp_path: Path) -> None:
    profile = replace(parse("spike:10,x6,5m", 3600), name="<script>alert(1)</script>")
    result = estimate(replace(ROOMY, reserved=5), profile)
    path = tmp_path / "new" / "plan.html"
    ways = alternatives.compare(result, prices.read())
    report.write(path, result, prices.read(), ways=ways)
    page = path.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page.count("<svg") == 6
    assert page.count("serverless inference") == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = estimate(ROOMY, constant(1, 600))
    with pytest.raises(BadPlan, match="cannot write the report"):
        report.write(tmp_path / "file" / "plan.html", result, prices.read())


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    ask = Ask("constant:3", length="10m", template=TEMPLATE, as_json=True)
    run(ask, Console(stderr=True, quiet=True))
    found = json.loads(capsys.readouterr().out)
    assert found["requests"] == pytest.approx(1800, rel=0.1)
    assert sum(found["endings"].values()) == pytest.approx(found["requests"])
    assert found["usd_a_month"]["sum"] > 70
    assert found["settings"]["ReservedConcurrency"] == "5"
    planned, inside, serverless = found["ways"]
    assert planned["usd_a_month"] == found["usd_a_month"]["sum"]
    assert inside["usd_a_month"] < planned["usd_a_month"]
    assert serverless["usd_a_month"] is None
    assert all(way["latency_s"]["p99"] > way["latency_s"]["p50"] > 0 for way in found["ways"])


def test_the_exact_engine_is_refused_what_would_take_it_an_hour() -> None:
    ask = Ask("constant:1000", length="1d", template=TEMPLATE, engine="events")
    with pytest.raises(BadPlan, match="would take the exact engine too long"):
        run(ask, Console(stderr=True, quiet=True))


def test_the_command_sweeps(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kennel.cli", "plan", "constant:2", "--length", "10m"]
    command += ["--sweep", "ReservedConcurrency=1,5", "--sweep", "MinInstances=1,2"]
    command += ["--json", "--report", str(tmp_path / "plan.html")]
    done = subprocess.run(command, cwd=TEMPLATE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tried = json.loads(done.stdout)["sweep"]
    assert len(tried) == 4
    assert max(each["usd_a_month"] for each in tried) > min(each["usd_a_month"] for each in tried)
    assert "ReservedConcurrency" in (tmp_path / "plan.html").read_text()
