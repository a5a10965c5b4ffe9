"""Recommended settings meet their objective, and can be pasted."""

from dataclasses import replace

from kennel.planner.analysis import costs, recommend, slo
from kennel.planner.engines.analytic import estimate
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY, constant, spike

ROOMY = PlanSettings(quota=10**9, rate=200.0, burst=200, reserved=50)


def test_the_recommendation_meets_its_objective_and_can_be_pasted() -> None:
    settings = replace(ROOMY, reserved=2, rate=5.0, burst=5, quota=1000)
    profile = spike(4, 3, 10, 3600)
    objective = slo.parse("p99=1s,success=99.9%")
    assert not objective.met(estimate(settings, profile, 0))
    recommended = recommend.recommend(settings, profile, prices.read(), objective, seed=0)
    assert recommended.best is not None
    assert objective.met(estimate(recommended.best, profile, 0))
    assert "sam deploy --parameter-overrides " in recommended.overrides
    assert (
        f"ParameterKey=RateLimit,ParameterValue={recommended.best.rate:g}" in recommended.overrides
    )
    pasted = dict(
        pair.split("=") for pair in recommended.overrides.splitlines()[0].split() if "=" in pair
    )
    assert settings.with_parameters(pasted).overrides() == recommended.best.overrides()


def test_an_objective_that_no_setting_meets() -> None:
    recommended = recommend.recommend(ROOMY, constant(3, 600), prices.read(), slo.parse("p99=1ms"))
    assert recommended.best is None
    assert recommended.overrides == ""
    assert recommended.tried > 1


def test_the_quota_recommended_for_an_hour_lasts_for_a_day_of_such_hours() -> None:
    settings = replace(ROOMY, quota=1000)
    profile = constant(3, 3600)
    recommended = recommend.recommend(settings, profile, prices.read(), slo.parse("success=99%"))
    assert recommended.best is not None
    assert recommended.best.quota > 3 * DAY
    assert costs.month(estimate(recommended.best, profile)).answered > 0.99


def test_settings_whose_month_meets_the_quota_do_not_meet_the_objective() -> None:
    enough_for_the_hour = estimate(replace(ROOMY, quota=12_000), constant(3, 3600))
    assert enough_for_the_hour.answered > 0.99
    assert not slo.parse("success=99%").met(enough_for_the_hour)
