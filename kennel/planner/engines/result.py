"""Result of a run: the outcomes of requests, their latency and the fleet, bin by bin."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, MINUTE, PlanSettings
from kennel.planner.inputs.traffic import Profile

#: The outcomes of a request; each request has exactly one.
OUTCOMES = ("answered", "limited", "over_quota", "no_execution", "queue_full", "timed_out")
ANSWERED, LIMITED, OVER_QUOTA, NO_EXECUTION, QUEUE_FULL, TIMED_OUT = range(6)
THROTTLED = slice(LIMITED, TIMED_OUT)  # refused with 429 or 503

#: Upper edges of the latency histogram's cells, seconds; a cell is 3 % wide.
EDGES: Floats = np.geomspace(1e-3, 60.0, 372)
_LOWER_EDGES: Floats = np.concatenate([[0.0], EDGES])
SLOT_S = MINUTE  # seconds of traffic in each latency histogram


@dataclass(eq=False)
class Result:
    """The result of one run of an engine.

    Attributes
    ----------
    outcomes : ndarray, shape (6, bins)
        Requests by OUTCOMES.
    latency : ndarray, shape (bins,)
        Sum of the latencies of all answers, seconds.
    histogram : ndarray, shape (minutes, cells)
        Answers by latency; a cell's upper edge is in EDGES, the last cell has none.
    waiting, working : ndarray, shape (bins,)
        Mean number of requests that wait, and that are in service, at the endpoint.
    executions : ndarray, shape (bins,)
        Mean number of concurrent Lambda executions.
    in_service, paid : ndarray, shape (bins,)
        Instances in service, and those that are billed (the starting ones included).
    admitted, invocations, attempts, cold_starts : float
        Attempts that the usage plan admitted (API Gateway bills them), executions started,
        requests including their retries, and Lambda environments started.
    busy_seconds
        Total duration of executions, which Lambda bills.
    scaling
        How often each scaling decision was made, by reason.
    notes
        Sentences about what an engine could not model well in this run.
    """

    settings: PlanSettings
    profile: Profile
    outcomes: Floats
    latency: Floats
    histogram: Floats
    waiting: Floats
    working: Floats
    executions: Floats
    in_service: NDArray[np.int64]
    paid: NDArray[np.int64]
    admitted: float = 0.0
    invocations: float = 0.0
    attempts: float = 0.0
    cold_starts: float = 0.0
    busy_seconds: float = 0.0
    scaling: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, settings: PlanSettings, profile: Profile, bins: int) -> "Result":
        """Return a result of zeros for `bins` bins."""
        slots = -(-bins * BIN_S // SLOT_S)
        return cls(
            settings,
            profile,
            outcomes=np.zeros((len(OUTCOMES), bins)),
            latency=np.zeros(bins),
            histogram=np.zeros((slots, len(EDGES) + 1)),
            waiting=np.zeros(bins),
            working=np.zeros(bins),
            executions=np.zeros(bins),
            in_service=np.zeros(bins, np.int64),
            paid=np.zeros(bins, np.int64),
        )

    @property
    def requests(self) -> float:
        """Number of requests."""
        return float(self.outcomes.sum())

    @property
    def answered(self) -> float:
        """Share of requests that were answered."""
        return float(self.outcomes[ANSWERED].sum()) / max(self.requests, 1e-12)

    @property
    def throttled(self) -> float:
        """Share of requests refused with 429 or 503."""
        return float(self.outcomes[THROTTLED].sum()) / max(self.requests, 1e-12)

    @property
    def mean_latency(self) -> float:
        """Mean latency of answers, seconds."""
        return float(self.latency.sum()) / max(float(self.outcomes[ANSWERED].sum()), 1e-12)

    @property
    def instance_hours(self) -> float:
        """Billed instance-hours, the starting instances included."""
        return float(self.paid.sum()) * BIN_S / 3600

    @property
    def instance_hours_starting(self) -> float:
        """Instance-hours billed before the instances were in service."""
        return float((self.paid - self.in_service).sum()) * BIN_S / 3600

    def count(self, outcome: int) -> float:
        """Return the number of requests with an outcome (an index of OUTCOMES)."""
        return float(self.outcomes[outcome].sum())

    def quantile(self, share: float) -> float:
        """Return the latency quantile of order `share` over all answers, seconds."""
        return float(quantiles(self.histogram.sum(axis=0)[None, :], share)[0])


def quantiles(histogram: Floats, share: float) -> Floats:
    """Return a quantile of each row of a latency histogram; nan where a row is empty.

    Within a cell, latencies are taken to be uniformly distributed.

    Parameters
    ----------
    histogram : ndarray, shape (rows, cells)
        Answers by latency, with the cells of EDGES.
    share
        Order of the quantile, 0 to 1.

    Returns
    -------
    ndarray, shape (rows,)
        Seconds.
    """
    total = histogram.sum(axis=1)
    rank = np.maximum(total * share, 1e-12)
    cumulative = histogram.cumsum(axis=1)
    cell = np.minimum((cumulative < rank[:, None] * (1 - 1e-12)).sum(axis=1), len(EDGES) - 1)
    rows = np.arange(len(histogram))
    in_cell = histogram[rows, cell]
    fraction = (rank - (cumulative[rows, cell] - in_cell)) / np.maximum(in_cell, 1e-12)
    lower = _LOWER_EDGES[cell]
    seconds = lower + np.clip(fraction, 0, 1) * (EDGES[cell] - lower)
    return np.where(total > 0, seconds, np.nan)
