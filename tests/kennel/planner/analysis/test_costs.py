"""The monthly bill, worked out by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kennel.planner.analysis import costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.errors import PlanError
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY, constant

ROOMY = PlanSettings(quota=10**9, rate=200.0, burst=200, reserved=50)


def test_the_bill_by_hand() -> None:
    # One instance all month: 720 h x 0.102. 5 requests a second: 12.96 million, at 3.50 and 0.20
    # a million; each 0.1 s of 1 GB at 1.66667e-5.
    settings = replace(
        ROOMY, minimum=1, maximum=1, memory_mb=1024,
        work=replace(ROOMY.work, points=np.full(1, 0.08)),
        service=replace(ROOMY.service, points=np.full(1, 0.02)), cold_start=ROOMY.service.scaled(0),
    )  # fmt: skip
    result = estimate(settings, constant(5, DAY))
    usd = {item.name: item.usd for item in costs.bill(result, prices.read())}
    assert usd["endpoint instances"] == pytest.approx(720 * 0.102)
    assert usd["API requests"] == pytest.approx(12.96 * 3.50, rel=0.01)
    assert usd["Lambda requests"] == pytest.approx(12.96 * 0.20, rel=0.01)
    assert usd["Lambda time"] == pytest.approx(12.96e6 * 0.1 * 1.66667e-5, rel=0.03)


def test_the_quota_is_a_day_s_however_short_the_traffic() -> None:
    # 2 requests a second for an hour, 7,200: a quota of 10,000 a day admits them once and 2,800
    # more, though a month has 720 such hours.
    result = estimate(replace(ROOMY, quota=10_000), constant(2, 3600))
    month = costs.month(result)
    assert result.answered > 0.999
    assert month.answers == pytest.approx(300_000, rel=1e-3)
    assert month.answered == pytest.approx(10_000 / (2 * DAY), rel=0.03)
    usd = {item.name: item.usd for item in costs.bill(result, prices.read())}
    assert usd["API requests"] == pytest.approx(0.3 * 3.50)
    assert usd["endpoint instances"] == pytest.approx(720 * 0.102)
    assert month.usd_per_thousand(30.0) == pytest.approx(0.1, rel=1e-3)


def test_a_month_without_answers_has_no_price_of_one() -> None:
    result = estimate(ROOMY, constant(2, 600))
    nothing = replace(costs.month(result), answers=0.0)
    assert (nothing.answered, nothing.usd_per_thousand(30.0)) == (0.0, math.inf)


def test_provisioned_concurrency_is_paid_for_and_starts_nothing_cold() -> None:
    settings = replace(ROOMY, reserved=10, provisioned=10)
    result = estimate(settings, constant(5, 3600))
    assert result.cold_starts == 0
    usd = {item.name: item.usd for item in costs.bill(result, prices.read())}
    gigabytes = 10 * 1769 / 1024
    assert usd["Lambda provisioned concurrency"] == pytest.approx(gigabytes * 30 * DAY * 4.1667e-6)


def test_a_price_file_names_what_it_lacks(tmp_path: Path) -> None:
    entries = json.loads(prices.FILE.read_text())
    del entries["lambda_gb_second"]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(entries))
    result = estimate(ROOMY, constant(5, 600))
    with pytest.raises(PlanError, match=r"price missing: lambda_gb_second is not in mine\.json"):
        costs.bill(result, prices.read(path))
    path.write_text('{\n"date": \n}')
    with pytest.raises(PlanError, match=r"mine\.json, line 3: not JSON"):
        prices.read(path)
    entries["lambda_gb_second"] = {"usd": -1, "source": "x"}
    path.write_text(json.dumps(entries))
    with pytest.raises(PlanError, match="a number from 0"):
        costs.bill(result, prices.read(path))
