"""Whether a candidate may take the live model's place: a reading of `evaluation.json`.

The job has evaluated both models on the same test photos, over the candidate's breeds. A candidate
passes that is good enough by itself (the floor), and that is not worse than the live model by more
than the margin, so surely that 97.5 of 100 redrawn sets of test photos say so too (the lower end of
the paired bootstrap's interval). Few test photos make a wide interval: a live model is not given up
on a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from common.environment import Environment
from common.failure import PackageBroken

__all__ = ["Bar", "judge"]


@dataclass(frozen=True, slots=True)
class Bar:
    """Template parameters that a candidate has to pass."""

    floor: float  # JUDGE_FLOOR: least share of test photos that it must know
    margin: float  # JUDGE_MARGIN: how much smaller a share than live's it may know

    @classmethod
    def from_environment(cls, environment: Environment) -> Self:
        """Read the settings; a missing one raises BadEnvironment."""
        return cls(environment.number("JUDGE_FLOOR"), environment.number("JUDGE_MARGIN"))


def judge(evaluation: Mapping[str, Any], bar: Bar) -> dict[str, Any]:
    """Decide.

    Parameters
    ----------
    evaluation
        What model/train.py has written.

    Returns
    -------
    dict
        accepted; reason, one sentence; evaluation: the numbers of both models that decided.

    Raises
    ------
    PackageBroken
        The evaluation lacks a number.
    """
    try:
        return _judge(evaluation, bar)
    except (LookupError, TypeError) as error:
        raise PackageBroken(
            f"evaluation.json is not what model/train.py writes: {error!r}."
        ) from error


def _judge(evaluation: Mapping[str, Any], bar: Bar) -> dict[str, Any]:
    top1, photos, live = evaluation["top1"], evaluation["photos"], evaluation["live"]
    numbers = {
        "photos": photos,
        "top1": top1,
        "top1_interval": evaluation["top1_interval"],
        "live": live,
    }
    if top1 < bar.floor:
        return {
            "accepted": False,
            "reason": (
                f"It knows {top1:.1%} of {photos} test photos; the floor is {bar.floor:.1%}."
            ),
            "evaluation": numbers,
        }
    if live is None:
        return {
            "accepted": True,
            "reason": (
                f"It knows {top1:.1%} of {photos} test photos, and no model was live to compare "
                "it with."
            ),
            "evaluation": numbers,
        }
    low, high = live["difference_interval"]
    compared = (
        f"It knows {top1:.1%} of {photos} test photos and {live['model']}, which is live, "
        f"{live['top1']:.1%}: a difference of {live['difference']:+.1%} (95 %: {low:+.1%} to "
        f"{high:+.1%})"
    )
    accepted = low >= -bar.margin
    beside = "not worse" if accepted else "it may be worse"
    return {
        "accepted": accepted,
        "reason": f"{compared}, {beside} by more than the margin of {bar.margin:.1%}.",
        "evaluation": numbers,
    }
