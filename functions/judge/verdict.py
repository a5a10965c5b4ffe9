"""Decide from `evaluation.json` whether a candidate may replace the live model.

The training job has evaluated both models on the same test photos, over the candidate's breeds; a
photo of a breed that the live model lacks counts as wrong for it. A candidate is accepted if its
top-1 accuracy is at least the floor, and if the lower end of the 95 % paired bootstrap interval of
its difference to the live model is no lower than minus the margin. Few test photos make a wide
interval, so that a candidate that is merely as good may be rejected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from common.environment import Environment
from common.failures import PackageBroken

__all__ = ["AcceptanceCriteria", "judge"]

_NAMES = 5  # breeds named in a sentence


@dataclass(frozen=True, slots=True)
class AcceptanceCriteria:
    """Template parameters about the acceptance of a candidate."""

    floor: float  # JUDGE_FLOOR: lowest top-1 accuracy, 0 to 1
    margin: float  # JUDGE_MARGIN: how far top-1 may lie below the live model's

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(environment.number("JUDGE_FLOOR"), environment.number("JUDGE_MARGIN"))


def judge(evaluation: Mapping[str, Any], criteria: AcceptanceCriteria) -> dict[str, Any]:
    """Decide whether to accept a candidate.

    Parameters
    ----------
    evaluation
        Contents of `evaluation.json`.

    Returns
    -------
    dict
        accepted; reason, one sentence; evaluation: the figures of both models it rests on.

    Raises
    ------
    PackageBroken
        The evaluation lacks a number.
    """
    try:
        return _judge(evaluation, criteria)
    except (LookupError, TypeError) as error:
        raise PackageBroken(
            f"evaluation.json is not what model/train.py writes: {error!r}."
        ) from error


def _judge(evaluation: Mapping[str, Any], criteria: AcceptanceCriteria) -> dict[str, Any]:
    top1, photos, live = evaluation["top1"], evaluation["photos"], evaluation["live"]
    figures = {
        "photos": photos,
        "top1": top1,
        "top1_interval": evaluation["top1_interval"],
        "live": live,
    }
    if top1 < criteria.floor:
        return {
            "accepted": False,
            "reason": (
                f"It recognises {top1:.1%} of {photos} test photos; "
                f"the floor is {criteria.floor:.1%}."
            ),
            "evaluation": figures,
        }
    if live is None:
        return {
            "accepted": True,
            "reason": (
                f"It recognises {top1:.1%} of {photos} test photos, and there was no live model to "
                "compare it with."
            ),
            "evaluation": figures,
        }
    low, high = live["difference_interval"]
    comparison = (
        f"It recognises {top1:.1%} of {photos} test photos and the live model, "
        f"{live['model']}, {live['top1']:.1%}: a difference of {live['difference']:+.1%} "
        f"(95 %: {low:+.1%} to {high:+.1%})"
    )
    accepted = low >= -criteria.margin
    conclusion = "not worse" if accepted else "it may be worse"
    reason = f"{comparison}, {conclusion} by more than the margin of {criteria.margin:.1%}."
    return {
        "accepted": accepted,
        "reason": f"{reason} {_differing_breeds(live, evaluation['breeds'])}".rstrip(),
        "evaluation": figures,
    }


def _differing_breeds(live: Mapping[str, Any], breeds: Sequence[str]) -> str:
    """Say which breeds only one of the models knows; nothing if both know the same."""
    missing, dropped, both = live["breeds_missing"], live["breeds_dropped"], live["breeds_of_both"]
    sentences = []
    if missing:
        theirs = live["photos"] - both["photos"]
        sentences.append(
            f"The live model lacks {len(missing)} of the {len(breeds)} breeds ({_names(missing)}), "
            f"whose {theirs} photos count as wrong for it"
        )
        if both["photos"]:
            sentences[-1] += (
                f": on the {both['photos']} photos of the others the two recognise "
                f"{both['top1']:.1%} and {both['live_top1']:.1%}"
            )
    if dropped:
        sentences.append(
            f"The new model lacks {len(dropped)} of the live one's breeds ({_names(dropped)}), "
            "which were not compared"
        )
    return "".join(f"{sentence}. " for sentence in sentences)


def _names(breeds: Sequence[str]) -> str:
    more = len(breeds) - _NAMES
    return ", ".join(breeds[:_NAMES]) + (f" and {more} more" if more > 0 else "")
