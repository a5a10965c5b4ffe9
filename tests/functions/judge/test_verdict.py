from typing import Any

import pytest

from common.environment import Environment
from common.failures import PackageBroken
from judge.verdict import AcceptanceCriteria, judge
from tests.functions.model_package import LIVE, evaluation

CRITERIA = AcceptanceCriteria(floor=0.7, margin=0.02)


def test_criteria_of_the_environment() -> None:
    assert (
        AcceptanceCriteria.from_environment(
            Environment({"JUDGE_FLOOR": "0.7", "JUDGE_MARGIN": "0.02"})
        )
        == CRITERIA
    )


def test_without_a_live_model_the_floor_decides() -> None:
    good = judge(evaluation(0.7), CRITERIA)
    assert good["accepted"] is True
    assert good["reason"] == (
        "It recognises 70.0% of 100 test photos, and there was no live model to compare it with."
    )
    bad = judge(evaluation(0.69), CRITERIA)
    assert bad["accepted"] is False
    assert bad["reason"] == "It recognises 69.0% of 100 test photos; the floor is 70.0%."


@pytest.mark.parametrize(
    ("interval", "accepted"),
    [
        ([0.0, 0.0], True),  # the same on every photo
        ([-0.02, 0.03], True),  # surely not worse by more than the margin
        ([-0.0201, 0.05], False),  # perhaps worse, though perhaps better too
        ([-0.2, -0.1], False),
    ],
)
def test_interval_decides_against_a_live_model(interval: list[float], accepted: bool) -> None:
    live = {**LIVE, "difference_interval": interval}
    verdict = judge(evaluation(live=live), CRITERIA)
    assert verdict == judge(evaluation(live=live), CRITERIA)
    assert verdict["accepted"] is accepted
    assert "the live model, kennel@1, 90.0%: a difference of +1.0%" in verdict["reason"]
    assert verdict["evaluation"]["live"] == live  # both evaluations go on to the registry


def test_floor_holds_against_a_bad_live_model_too() -> None:
    live = {**LIVE, "top1": 0.1, "difference_interval": [0.4, 0.6]}
    assert judge(evaluation(0.6, live), CRITERIA)["accepted"] is False


@pytest.mark.parametrize("broken", [{}, {"top1": 0.9}, {**evaluation(), "top1": None}])
def test_evaluation_that_lacks_a_number(broken: Any) -> None:
    with pytest.raises(PackageBroken, match=r"evaluation\.json is not what"):
        judge(broken, CRITERIA)
