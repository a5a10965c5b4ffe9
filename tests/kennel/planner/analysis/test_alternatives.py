"""The model without instances: what it turns away, how long it takes, what it costs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kennel.planner.analysis import alternatives
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.queueing import erlang_b
from kennel.planner.engines.result import QUEUE_FULL
from kennel.planner.engines.simulation import simulate
from kennel.planner.formats import percent
from kennel.planner.inputs import prices
from kennel.planner.inputs.distributions import lognormal_of_mean
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant

SETTINGS = PlanSettings(
    quota=10**9, rate=1e4, burst=10**4, reserved=6, memory_mb=1769,
    work=lognormal_of_mean(0.1, 0.3), service=lognormal_of_mean(0.1, 0.3),
)  # fmt: skip
PRICES = prices.read()


def compared(
    settings: PlanSettings, rate: float, seconds: int = 7200
) -> dict[str, alternatives.DeploymentOption]:
    options = alternatives.compare(estimate(settings, constant(rate, seconds)), PRICES)
    return {option.name: option for option in options}


def test_inside_lambda_is_erlang_s_loss_of_work_and_inference() -> None:
    option = compared(SETTINGS, 20)["inference inside Lambda"]
    expected = float(erlang_b(np.array(6.0), np.array(20 * 0.2)))
    assert option.result.throttled == pytest.approx(expected, rel=0.03)
    assert option.result.quantile(0.5) == pytest.approx(0.2, rel=0.05)
    assert (option.result.paid == 1).all()  # a placeholder that is not billed


def test_both_engines_agree_on_a_path_without_instances() -> None:
    settings = compared(SETTINGS, 20)["inference inside Lambda"].result.settings
    exact, fast = simulate(settings, constant(20, 3600)), estimate(settings, constant(20, 3600))
    assert fast.throttled == pytest.approx(exact.throttled, rel=0.03)
    assert fast.mean_latency == pytest.approx(exact.mean_latency, rel=0.02)
    assert fast.quantile(0.99) == pytest.approx(exact.quantile(0.99), rel=0.05)


def test_half_the_memory_takes_twice_as_long() -> None:
    small = compared(replace(SETTINGS, memory_mb=884), 2)["inference inside Lambda"]
    large = compared(replace(SETTINGS, memory_mb=3538), 2)["inference inside Lambda"]
    assert small.result.settings.service.mean == pytest.approx(0.2, rel=0.01)
    assert large.result.settings.service.mean == pytest.approx(0.1)  # one request, one core


def by_hand(option: alternatives.DeploymentOption, start: float) -> float:
    """Lambda and API for a month: 0.2 s a request of 1.7275 GB, and the cold starts'."""
    month = 30 * 86_400 / 7200
    requests = option.result.count(0) * month
    seconds = 0.2 * requests + start * option.result.cold_starts * month
    return seconds * 1769 / 1024 * 1.66667e-5 + requests / 1e6 * (3.50 + 0.20)


def test_inside_lambda_by_hand() -> None:
    option = compared(replace(SETTINGS, reserved=50), 2)["inference inside Lambda"]
    assert option.usd == pytest.approx(by_hand(option, 4.5), rel=0.005)


def test_a_serverless_endpoint_takes_200_at_once() -> None:
    # 400 Erlang of inference behind executions enough
    option = compared(replace(SETTINGS, reserved=900), 4000, 600)["serverless inference"]
    expected = float(erlang_b(np.array(200.0), np.array(400.0)))
    assert option.result.outcomes[QUEUE_FULL].sum() / option.result.requests == pytest.approx(
        expected, rel=0.05
    )


def test_what_has_no_price_is_said_to_be_missing_beside_its_latency(tmp_path: Path) -> None:
    entries = json.loads(prices.FILE.read_text())
    del entries["serverless_inference_gb"]
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(entries))
    planned = estimate(SETTINGS, constant(5, 7200))
    option = alternatives.compare(planned, prices.read(path))[-1]
    assert option.usd is None
    assert option.instances_from is None
    assert "price missing: serverless_inference_gb not in prices.json" in option.details
    assert 0.19 < option.result.quantile(0.5) < 0.21
    assert option.result.quantile(0.9999) > 6  # a cold start


def test_with_all_prices_it_is_summed(tmp_path: Path) -> None:
    entries = json.loads(prices.FILE.read_text())
    entries["serverless_inference_gb"] = {"usd": 0.01, "source": "a test"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(entries))
    planned = estimate(replace(SETTINGS, reserved=50), constant(2, 7200))
    option = alternatives.compare(planned, prices.read(path))[-1]
    requests = option.result.count(0) * 30 * 86_400 / 7200
    inference = requests * (0.1 * 6e-5 + 640 * 320 * 3e-9 * 0.01)
    assert option.usd == pytest.approx(by_hand(option, 6.0) + inference, rel=0.005)


def test_what_is_cheaper_is_said_and_whether_kennel_deploys_it() -> None:
    options = alternatives.compare(estimate(SETTINGS, constant(5, 7200)), PRICES)
    assert [option.by_kennel for option in options] == [True, False, True]
    sentence = alternatives.advice(options)
    assert sentence.startswith("Kennel deploys instances or, with Hosting=serverless, a")
    inside = options[1]
    assert inside.usd is not None
    assert f"inference inside Lambda, ${inside.usd:,.2f} a month for" in sentence
    assert f"{percent(inside.answered)} answered" in sentence
    dear = [replace(options[0], usd=0.01), *options[1:]]
    assert "Cheaper" not in alternatives.advice(dear)


def test_instances_cost_less_from_where_both_cost_the_same() -> None:
    rare, often = (compared(SETTINGS, rate)["serverless inference"] for rate in (0.01, 5))
    # 720 hours of an ml.c5.large; 0.1 s and 614,400 bytes for each answer
    expected = 720 * 0.102 / (0.1 * 6e-5 + 640 * 320 * 3e-9 * 0.016)
    assert rare.instances_from == pytest.approx(expected)
    assert often.instances_from == rare.instances_from
    two = compared(replace(SETTINGS, minimum=2), 0.01)["serverless inference"]
    assert two.instances_from == pytest.approx(2 * expected)
    options = alternatives.compare(estimate(SETTINGS, constant(0.01, 7200)), PRICES)
    sentence = alternatives.advice(options)
    assert "Cheaper: serverless inference, $" in sentence
    assert f"1 ml.c5.large cost less than it from some {expected:,.0f} answers a month" in sentence
