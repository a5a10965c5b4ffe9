"""A stated objective: `p99=1s,success=99.9%`."""

import re
from dataclasses import dataclass

from kennel.planner.engines.result import Result
from kennel.planner.errors import BadPlan

_FORM = "write p99=1s,success=99.9% (p50, p90, p95 or p99, and/or success)"


@dataclass(frozen=True)
class Objective:
    """What is promised.

    Attributes
    ----------
    quantile, seconds
        So large a share of answers comes within so many seconds; None where nothing is said.
    success
        Share of requests that are answered.
    """

    quantile: float | None
    seconds: float | None
    success: float
    text: str

    def met(self, result: Result) -> bool:
        """Return whether a run keeps the promise."""
        if result.answered < self.success - 1e-9:
            return False
        if self.quantile is None or self.seconds is None:
            return True
        return result.answered > 0 and result.quantile(self.quantile) <= self.seconds


def parse(text: str) -> Objective:
    """Read an objective.

    Raises
    ------
    BadPlan
        With the form that is expected.
    """
    quantile = seconds = None
    success = 0.0
    for part in text.split(","):
        wait = re.fullmatch(r"\s*p(50|90|95|99)\s*=\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", part)
        share = re.fullmatch(r"\s*success\s*=\s*(\d+(?:\.\d+)?)\s*%\s*", part)
        if wait and quantile is None:
            quantile = int(wait[1]) / 100
            seconds = float(wait[2]) * (0.001 if wait[3] == "ms" else 1.0)
        elif share and float(share[1]) <= 100:  # noqa: PLR2004
            success = float(share[1]) / 100
        else:
            raise BadPlan(f"the objective {text!r} cannot be read at {part.strip()!r}: {_FORM}")
    return Objective(quantile, seconds, success, text)
