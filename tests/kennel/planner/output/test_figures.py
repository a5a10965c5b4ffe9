"""A price stands beside the share answered for it, and the present settings beside others."""

from dataclasses import replace

from kennel.planner.analysis.plan import Plan
from kennel.planner.engines.analytic import estimate
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY, constant
from kennel.planner.output import figures

PRESENT = PlanSettings()  # 10,000 requests a day
ROOMY = replace(PRESENT, quota=10**6)
TRAFFIC = constant(1, DAY)


def test_the_headline_has_the_share_answered_and_the_price_of_1000_answers() -> None:
    plan = Plan(estimate(PRESENT, TRAFFIC), prices.read())
    # 30 days of one ml.c5.large at 0.102 an hour, and two dollars for 300,000 of 2.6 million
    assert figures.headline(plan).startswith("A month of this traffic costs $75.")
    assert "answers 11.5" in figures.headline(plan)
    assert "$0.25" in figures.headline(plan)
    assert figures.columns(plan) == ("these settings",)
    assert {len(row) for row in figures.rows(plan)} == {2}


def test_recommended_settings_stand_beside_the_present_ones() -> None:
    plan = Plan(estimate(ROOMY, TRAFFIC), prices.read(), estimate(PRESENT, TRAFFIC))
    assert figures.headline(plan).startswith("With the recommended settings a month")
    assert "With the present settings it costs $75." in figures.headline(plan)
    assert figures.columns(plan) == ("recommended", "present")
    rows = {name: values for name, *values in figures.rows(plan)}
    assert rows["tightest limit"][1] == "DailyQuota"
    assert rows["DailyQuota"] == ["1000000", "10000"]
    assert "RateLimit" not in rows  # the same in both
    recommended, present = rows["USD a month (answered)"]
    assert present.startswith("75.") and "(11.5" in present
    assert "(99.9" in recommended
