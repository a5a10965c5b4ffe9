"""Findings: the limits that turn requests away, and those that are never reached."""

from dataclasses import replace

import numpy as np
import pytest

from kennel.planner.analysis import bottlenecks, costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.formats import percent
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant, spike

ROOMY = PlanSettings(quota=10**9, rate=200.0, burst=200, reserved=50)


def test_five_executions_never_scale_the_endpoint_beyond_n_instances() -> None:
    # 5 executions of 0.5 s make 10 requests a second, 600 a minute: one instance at target 640
    times = PlanSettings().work
    settings = replace(
        ROOMY, reserved=5, target=640.0, maximum=5,
        work=replace(times, points=np.full(1, 0.4)), service=replace(times, points=np.full(1, 0.1)),
    )  # fmt: skip
    instances, invocations = bottlenecks.max_instances(settings)
    assert instances == 1
    assert invocations == pytest.approx(600)
    result = estimate(settings, constant(60, 3600))
    assert result.in_service.max() == 1
    sentences = " ".join(bottlenecks.findings(result))
    assert "5 concurrent executions never scale the endpoint beyond 1 instance:" in sentences
    assert bottlenecks.bottleneck(result) == "ReservedConcurrency"


def test_the_quota_that_turns_requests_away_is_named() -> None:
    result = estimate(replace(ROOMY, quota=1000), constant(2, 3600))
    assert bottlenecks.bottleneck(result) == "DailyQuota"
    share = 1 - result.answered
    assert f"(DailyQuota) turns away {percent(share)} of all requests" in " ".join(
        bottlenecks.findings(result)
    )
    assert result.count(0) == pytest.approx(1000, abs=2)


def test_a_short_profile_whose_month_meets_the_quota_is_a_finding() -> None:
    result = estimate(replace(ROOMY, quota=10_000), constant(2, 3600))
    assert bottlenecks.bottleneck(result) is None
    answered = percent(costs.month(result).answered)
    assert any(
        "repeats this traffic 720 times" in each and f"answers {answered} of its requests" in each
        for each in bottlenecks.findings(result)
    )


def test_the_endpoint_is_named_where_executions_only_wait_for_it() -> None:
    settings = replace(ROOMY, reserved=10, maximum=1, service=ROOMY.service.scaled(20))
    sentences = " ".join(bottlenecks.findings(estimate(settings, constant(40, 1200))))
    assert "The cause is the endpoint" in sentences


def test_the_alarm_delays_scaling_and_not_the_cooldown() -> None:
    settings = replace(ROOMY, target=100.0, maximum=3)
    sentences = " ".join(bottlenecks.findings(estimate(settings, spike(1, 5, 20, 3600))))
    assert "The cooldown of 30 s does not delay scaling" in sentences
