from typing import Any

import pytest

from common.environment import Environment
from common.failures import PackageBroken
from judge.verdict import AcceptanceCriteria, judge
from tests.functions.model_package import LIVE, evaluation

CRITERIA = AcceptanceCriteria(floor=0.7, margin=0.02)
FIGURES = {"photos": 100, "top1_interval": [0.84, 0.95]}


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
    assert good["evaluation"] == {**FIGURES, "top1": 0.7, "live": None}
    assert bad["evaluation"] == {**FIGURES, "top1": 0.69, "live": None}


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
    conclusion = ", not worse by" if accepted else ", it may be worse by"
    assert f"{conclusion} more than the margin of 2.0%." in verdict["reason"]
    assert "the live model, kennel@1, 90.0%: a difference of +1.0%" in verdict["reason"]
    # Both evaluations go on to the registry.
    assert verdict["evaluation"] == {**FIGURES, "top1": 0.91, "live": live}


def reason(**live: Any) -> str:
    return str(judge(evaluation(live={**LIVE, **live}), CRITERIA)["reason"])


SAME = (
    "It recognises 91.0% of 100 test photos and the live model, kennel@1, 90.0%: a difference of "
    "+1.0% (95 %: -1.0% to +3.0%), not worse by more than the margin of 2.0%."
)


def test_sentence_about_two_models_of_the_same_breeds() -> None:
    assert reason() == SAME


def test_sentence_says_which_breeds_the_live_model_lacks_and_on_which_photos_it_was_compared() -> (
    None
):
    both = {"photos": 84, "top1": 0.92, "live_top1": 0.95}
    assert reason(breeds_missing=["Boxer", "Pug"], breeds_of_both=both) == (
        f"{SAME} The live model lacks 2 of the 13 breeds (Boxer, Pug), whose 16 photos count as "
        "wrong for it: on the 84 photos of the others the two recognise 92.0% and 95.0%."
    )


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (5, "Old 0, Old 1, Old 2, Old 3, Old 4"),
        (6, "Old 0, Old 1, Old 2, Old 3, Old 4 and 1 more"),
        (110, "Old 0, Old 1, Old 2, Old 3, Old 4 and 105 more"),
    ],
)
def test_sentence_says_which_breeds_the_new_model_lacks(count: int, names: str) -> None:
    assert reason(breeds_dropped=[f"Old {number}" for number in range(count)]) == (
        f"{SAME} The new model lacks {count} of the live one's breeds ({names}), which were not "
        "compared."
    )


def test_sentence_about_models_without_a_common_breed() -> None:
    both = {"photos": 0, "top1": None, "live_top1": None}
    missing = [f"Breed {number}" for number in range(1, 14)]
    assert reason(breeds_missing=missing, breeds_dropped=["Pug"], breeds_of_both=both) == (
        f"{SAME} The live model lacks 13 of the 13 breeds (Breed 1, Breed 2, Breed 3, Breed 4, "
        "Breed 5 and 8 more), whose 100 photos count as wrong for it. The new model lacks 1 of "
        "the live one's breeds (Pug), which were not compared."
    )


def test_floor_holds_against_a_bad_live_model_too() -> None:
    live = {**LIVE, "top1": 0.1, "difference_interval": [0.4, 0.6]}
    assert judge(evaluation(0.6, live), CRITERIA)["accepted"] is False


@pytest.mark.parametrize("broken", [{}, {"top1": 0.9}, {**evaluation(), "top1": None}])
def test_evaluation_that_lacks_a_number(broken: Any) -> None:
    with pytest.raises(PackageBroken, match=r"evaluation\.json is not what"):
        judge(broken, CRITERIA)
