"""The line of capacity is that of the limit that binds."""

import numpy as np
import pytest

from kennel.planner.engines.analytic import estimate
from kennel.planner.inputs import prices
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import constant
from kennel.planner.output.plan_plots import capacity, plan_plots

SLOW = PlanSettings().service.scaled(20)


@pytest.mark.parametrize(
    ("settings", "bound_by"),
    [
        (PlanSettings(quota=10**9), "RateLimit"),
        (PlanSettings(quota=10**9, rate=100.0, reserved=2), "ReservedConcurrency"),
        (
            PlanSettings(quota=10**9, rate=100.0, reserved=50, service=SLOW, maximum=1),
            "instances in service",
        ),
    ],
)
def test_the_legend_names_what_binds(settings: PlanSettings, bound_by: str) -> None:
    result = estimate(settings, constant(10, 1200))
    traffic = plan_plots(result, prices.read())[0]
    assert [curve.name for curve in traffic.curves] == [
        "arrivals",
        f"capacity, bound by {bound_by}",
    ]


def test_nothing_is_let_through_once_the_quota_is_used_up() -> None:
    name, line = capacity(estimate(PlanSettings(quota=1000), constant(10, 600)))
    assert name == "capacity, bound by RateLimit, DailyQuota once it is used up"
    assert line[0] == 20.0
    assert (line[-30:] == 0).all()
    assert np.count_nonzero(line) == pytest.approx(10, abs=2)  # bins of ten seconds
