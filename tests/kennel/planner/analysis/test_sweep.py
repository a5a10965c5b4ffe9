"""Sweeps: the grid of settings, and the Pareto front of their trials."""

import pytest

from kennel.planner.analysis import sweep
from kennel.planner.errors import PlanError
from kennel.planner.inputs.settings import PlanSettings

ROOMY = PlanSettings(quota=10**9, rate=200.0, burst=200, reserved=50)


def test_a_sweep_is_a_grid_without_its_impossible_corners() -> None:
    combinations = sweep.grid(ROOMY, ["MinInstances=1,6", "MaxInstances=3,8"])
    assert [changed for _, changed in combinations] == [
        {"MinInstances": "1", "MaxInstances": "3"},
        {"MinInstances": "1", "MaxInstances": "8"},
        {"MinInstances": "6", "MaxInstances": "8"},
    ]
    with pytest.raises(PlanError, match="cannot sweep"):
        sweep.grid(ROOMY, ["MinInstances"])


def test_nothing_on_the_pareto_front_is_beaten() -> None:
    def one(usd: float, p99: float, answered: float = 1.0) -> sweep.Trial:
        return sweep.Trial(ROOMY, {}, usd, p99, answered, usd)

    trials = [one(10, 5), one(20, 3), one(15, 6), one(30, 3), one(5, 1, answered=0.5)]
    assert sweep.pareto(trials) == [0, 1]
