"""A plan: the result that it shows, and all that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from kennel.planner.analysis.alternatives import DeploymentOption
from kennel.planner.analysis.recommend import Recommendation
from kennel.planner.analysis.sweep import Trial
from kennel.planner.engines.result import Result
from kennel.planner.inputs.prices import Prices


@dataclass(frozen=True)
class Plan:
    """What a terminal, a report and JSON show.

    Attributes
    ----------
    result
        Of the recommended settings, where some were asked for and found; else of the present ones.
    present
        Of the present settings, where `result` is of others.
    options
        The planned deployment and its alternatives.
    """

    result: Result
    prices: Prices
    present: Result | None = None
    recommendation: Recommendation | None = None
    trials: Sequence[Trial] = ()
    options: Sequence[DeploymentOption] = ()
