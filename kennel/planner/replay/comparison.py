"""Comparison of a replay's responses with the predicted results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kennel.errors import KennelError
from kennel.planner.engines.result import Result
from kennel.planner.replay.load_generator import Response

OK = 200
THROTTLED_STATUSES = (429, 503)
TOLERANCE = 0.15  # of the ratios


@dataclass(frozen=True)
class Comparison:
    """Measured and predicted share throttled, and p95 of answers in seconds."""

    requests: int
    throttled: float
    predicted_throttled: float
    p95_s: float
    predicted_p95_s: float

    @property
    def throttled_ratio(self) -> float:
        """Measured over predicted share throttled."""
        if not self.predicted_throttled:
            return math.inf
        return self.throttled / self.predicted_throttled

    @property
    def p95_ratio(self) -> float:
        """Measured over predicted p95."""
        return self.p95_s / self.predicted_p95_s

    @property
    def within_tolerance(self) -> bool:
        """Whether both ratios are within TOLERANCE of 1."""
        ratios = (self.throttled_ratio, self.p95_ratio)
        return all(1 - TOLERANCE <= ratio <= 1 + TOLERANCE for ratio in ratios)


def check_statuses(responses: Sequence[Response], logs: Path) -> None:
    """Check that each response is an answer or a throttle.

    Call it while the cloud runs: only a cloud that ends with this error leaves its logs.

    Parameters
    ----------
    logs
        The cloud's folder of logs.

    Raises
    ------
    KennelError
        For another status, naming the logs.
    """
    unexpected = sorted({r.status for r in responses} - {OK, *THROTTLED_STATUSES})
    if unexpected:
        raise KennelError(
            f"the offline cloud answered with status {unexpected}, expected 200, 429 or 503: see "
            f"its logs in {logs}, which the next offline cloud removes"
        )


def compare(responses: Sequence[Response], predicted: Sequence[Result]) -> Comparison:
    """Compare responses, checked by `check_statuses`, with the mean of predicted results."""
    throttled = sum(r.status in THROTTLED_STATUSES for r in responses) / len(responses)
    return Comparison(
        requests=len(responses),
        throttled=throttled,
        predicted_throttled=float(np.mean([result.throttled for result in predicted])),
        p95_s=float(np.quantile([r.seconds for r in responses if r.status == OK], 0.95)),
        predicted_p95_s=float(np.mean([result.quantile(0.95) for result in predicted])),
    )
