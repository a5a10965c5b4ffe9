"""Service level objective, such as `p99=1s,success=99.9%`."""

import re
from dataclasses import dataclass

from kennel.planner.analysis import costs
from kennel.planner.engines.result import Result
from kennel.planner.errors import PlanError

_FORM = "write p99=1s,success=99.9% (p50, p90, p95 or p99, and/or success)"


@dataclass(frozen=True)
class Objective:
    """A service level objective.

    Attributes
    ----------
    quantile, seconds
        The latency objective: this quantile of answers is at most `seconds`; None without one.
    success
        Least share of requests that are answered.
    text
        As it was written.
    """

    quantile: float | None
    seconds: float | None
    success: float
    text: str

    def met(self, result: Result) -> bool:
        """Return whether a result meets the objective, in a month of its traffic too."""
        if costs.month(result).answered < self.success - 1e-9:
            return False
        if self.quantile is None or self.seconds is None:
            return True
        return result.answered > 0 and result.quantile(self.quantile) <= self.seconds


def parse(text: str) -> Objective:
    """Parse an objective.

    Raises
    ------
    PlanError
        For a text in another form.
    """
    quantile = seconds = None
    success = 0.0
    for part in text.split(","):
        latency = re.fullmatch(r"\s*p(50|90|95|99)\s*=\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", part)
        share = re.fullmatch(r"\s*success\s*=\s*(\d+(?:\.\d+)?)\s*%\s*", part)
        if latency and quantile is None:
            quantile = int(latency[1]) / 100
            seconds = float(latency[2]) * (0.001 if latency[3] == "ms" else 1.0)
        elif share and float(share[1]) <= 100:  # noqa: PLR2004
            success = float(share[1]) / 100
        else:
            raise PlanError(f"the objective {text!r} cannot be read at {part.strip()!r}: {_FORM}")
    return Objective(quantile, seconds, success, text)
