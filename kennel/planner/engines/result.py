"""What became of the requests, bin by bin: the same from both engines."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, MINUTE, Settings
from kennel.planner.inputs.traffic import Profile

#: How a request can end; every one ends in exactly one way.
ENDINGS = ("answered", "limited", "over_quota", "no_execution", "queue_full", "timed_out")
ANSWERED, LIMITED, OVER_QUOTA, NO_EXECUTION, QUEUE_FULL, TIMED_OUT = range(6)
THROTTLED = slice(LIMITED, TIMED_OUT)  # told to come again later: 429 or 503

#: Upper edges of the latency histogram's cells, seconds; a cell is 3 % wide.
EDGES: Floats = np.geomspace(1e-3, 60.0, 372)
_LOW: Floats = np.concatenate([[0.0], EDGES])
SLOT_S = MINUTE  # a histogram for each minute


@dataclass(eq=False)
class Result:
    """One run of an engine.

    Attributes
    ----------
    endings : ndarray, shape (6, bins)
        Requests by ENDINGS.
    latency : ndarray, shape (bins,)
        Seconds of all answers together.
    histogram : ndarray, shape (minutes, cells)
        Answers by latency; a cell's upper edge is in EDGES, the last cell has none.
    waiting, working : ndarray, shape (bins,)
        Mean number of requests that wait, and of those worked on, at the endpoint.
    executions : ndarray, shape (bins,)
        Mean number of Lambda executions.
    in_service, paid : ndarray, shape (bins,)
        Instances.
    passed, invocations, attempts, cold_starts : float
        Attempts let through by the usage plan, executions begun, requests with their
        repetitions, and environments started.
    scaling
        How often the scaling rule answered what.
    notes
        What an engine could not model well in this run, in sentences.
    """

    settings: Settings
    profile: Profile
    endings: Floats
    latency: Floats
    histogram: Floats
    waiting: Floats
    working: Floats
    executions: Floats
    in_service: NDArray[np.int64]
    paid: NDArray[np.int64]
    passed: float = 0.0  # attempts that the usage plan let through, which API Gateway bills
    invocations: float = 0.0
    attempts: float = 0.0
    cold_starts: float = 0.0
    busy_seconds: float = 0.0  # of executions, which Lambda bills
    scaling: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def requests(self) -> float:
        """All requests."""
        return float(self.endings.sum())

    @property
    def answered(self) -> float:
        """Share of requests that got their answer."""
        return float(self.endings[ANSWERED].sum()) / max(self.requests, 1e-12)

    @property
    def throttled(self) -> float:
        """Share of requests told to come again later, for whatever reason."""
        return float(self.endings[THROTTLED].sum()) / max(self.requests, 1e-12)

    @property
    def mean_latency(self) -> float:
        """Seconds, over the answers."""
        return float(self.latency.sum()) / max(float(self.endings[ANSWERED].sum()), 1e-12)

    @property
    def instance_hours(self) -> float:
        """Hours of instances that are paid, those still starting included."""
        return float(self.paid.sum()) * BIN_S / 3600

    @property
    def instance_hours_starting(self) -> float:
        """Hours paid before an instance answers."""
        return float((self.paid - self.in_service).sum()) * BIN_S / 3600

    def ended(self, ending: int) -> float:
        """Return how many requests ended so."""
        return float(self.endings[ending].sum())

    def quantile(self, share: float) -> float:
        """Return the latency in seconds that `share` of the answers stay below."""
        return float(quantiles(self.histogram.sum(axis=0)[None, :], share)[0])


def quantiles(histogram: Floats, share: float) -> Floats:
    """Return a quantile of each row of a latency histogram; nan where a row is empty.

    Within a cell the answers are taken to lie evenly.
    """
    total = histogram.sum(axis=1)
    wanted = np.maximum(total * share, 1e-12)
    summed = histogram.cumsum(axis=1)
    cell = np.minimum((summed < wanted[:, None] * (1 - 1e-12)).sum(axis=1), len(EDGES) - 1)
    rows = np.arange(len(histogram))
    inside = histogram[rows, cell]
    part = (wanted - (summed[rows, cell] - inside)) / np.maximum(inside, 1e-12)
    found = _LOW[cell] + np.clip(part, 0, 1) * (EDGES[cell] - _LOW[cell])
    return np.where(total > 0, found, np.nan)
