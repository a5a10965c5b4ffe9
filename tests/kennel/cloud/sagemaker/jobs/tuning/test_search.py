"""Search without jobs: ranges and their scales, grids, early stopping, warm starts."""

from typing import Any

import pytest

from kennel.cloud.sagemaker.jobs.tuning.search import Search


def config(**more: Any) -> dict[str, Any]:
    return {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "RandomSeed": 1,
        **more,
    }


def continuous(low: str, high: str, scaling: str) -> dict[str, Any]:
    each = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return {"ContinuousParameterRanges": [each]}


def drawn(search: Search, count: int = 200) -> list[float]:
    values = []
    for _ in range(count):
        trial = search.propose()
        assert trial
        values.append(float(trial.hyperparameters["x"]))
        search.report(trial, values[-1], [], stopped=False)
    return sorted(values)


@pytest.mark.parametrize(
    ("scaling", "median"),
    [("Linear", 0.45), ("Logarithmic", 0.03), ("ReverseLogarithmic", 0.87), ("Auto", 0.03)],
)
def test_a_range_is_searched_on_its_scale(scaling: str, median: float) -> None:
    search = Search(config(ParameterRanges=continuous("0.001", "0.99", scaling)))
    values = drawn(search)
    assert values[0] >= 0.001 and values[-1] <= 0.99
    assert values[100] == pytest.approx(median, rel=0.35, abs=0.02)


def test_integers_are_whole_and_within_their_range() -> None:
    each = {"Name": "x", "MinValue": "2", "MaxValue": "5", "ScalingType": "Linear"}
    search = Search(config(ParameterRanges={"IntegerParameterRanges": [each]}))
    assert set(drawn(search, 60)) == {2, 3, 4, 5}


def test_bayesian_is_better_than_random_after_the_same_trials() -> None:
    ranges = continuous("0", "1", "Linear")
    best = {}
    for strategy in ("Random", "Bayesian"):
        nearest = []
        for seed in range(5):
            search = Search(config(Strategy=strategy, RandomSeed=seed, ParameterRanges=ranges))
            values = []
            for _ in range(30):
                trial = search.propose()
                assert trial
                x = float(trial.hyperparameters["x"])
                values.append(abs(x - 0.37))
                search.report(trial, values[-1], [], stopped=False)
            nearest.append(sum(values[15:]))
        best[strategy] = sum(nearest)
    assert best["Bayesian"] < best["Random"]


def test_a_grid_has_each_combination_once() -> None:
    ranges = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y"]}]
    search = Search(config(Strategy="Grid", ParameterRanges={"CategoricalParameterRanges": ranges}))
    combinations = []
    while proposal := search.propose():
        combinations.append((proposal.hyperparameters["a"], proposal.hyperparameters["b"]))
    assert sorted(combinations) == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]


def test_early_stopping_compares_with_the_median_of_running_averages() -> None:
    ranges = continuous("0", "1", "Linear")
    search = Search(config(ParameterRanges=ranges, TrainingJobEarlyStoppingType="Auto"))
    for curve in ([1.0, 0.6], [1.0, 0.8], [1.0, 0.2]):  # averages 0.8, 0.9, 0.6; median 0.8
        trial = search.propose()
        assert trial
        search.report(trial, curve[-1], curve, stopped=False)
    for last, prune in ((0.81, True), (0.79, False)):
        trial = search.propose()
        assert trial
        assert not search.should_stop(trial, [])
        assert search.should_stop(trial, [1.0, last]) is prune


def test_without_early_stopping_no_trial_stops() -> None:
    search = Search(config(ParameterRanges=continuous("0", "1", "Linear")))
    first = search.propose()
    assert first
    search.report(first, 0.1, [0.1], stopped=False)
    second = search.propose()
    assert second and not search.should_stop(second, [99.0])


def test_hyperband_stops_trials_that_are_far_behind() -> None:
    search = Search(
        config(
            Strategy="Hyperband",
            StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
            ParameterRanges=continuous("0", "1", "Linear"),
        )
    )
    stopped = 0
    for number in range(30):
        trial = search.propose()
        assert trial
        curve = []
        for _ in range(9):
            curve.append(float(number % 10))
            if search.should_stop(trial, curve):
                stopped += 1
                break
        search.report(trial, curve[-1], curve, stopped=len(curve) < 9)
    assert 0 < stopped < 30


def test_a_warm_start_ignores_results_outside_the_new_ranges() -> None:
    ranges = continuous("0", "0.5", "Linear")
    parent_results = [({"x": "0.4"}, 1.0), ({"x": "0.9"}, 0.0), ({"y": "1"}, 0.0)]
    search = Search(config(Strategy="Bayesian", ParameterRanges=ranges), parent_results)
    assert drawn(search, 20)[-1] <= 0.5
