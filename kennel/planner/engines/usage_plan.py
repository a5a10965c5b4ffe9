"""The usage plan in the analytic engine: the share that it rejects, and how it paces the rest."""

import bisect

import numpy as np

from kennel.planner.engines import token_bucket
from kennel.planner.engines.token_bucket import Dispersion
from kennel.planner.inputs.distributions import Distribution, Floats
from kennel.planner.inputs.settings import MINUTE, PlanSettings

_EVEN_NODES = 32  # rates of a grid below twice the critical rate
_UPPER_NODES = 10  # and above
_DISPERSION_NODES = 16
_LOWEST_PACED = 0.3  # times the plan's rate; below, the bucket hardly ever runs out of tokens


class UsagePlan:
    """The usage plan's token bucket in steady state.

    The burst is split: the bucket reaches steady state within `span` for `fast_burst` tokens, and
    the remaining `slow_burst` is carried from bin to bin (see admission.py).

    Parameters
    ----------
    highest
        Highest rate of arrivals that will be looked up, requests a second.
    span
        Seconds within which the bucket is taken to reach steady state; a minute by default.
    """

    def __init__(self, settings: PlanSettings, highest: float, span: float | None = None) -> None:
        self.rate = settings.rate
        self.fast_burst = token_bucket.fast_burst(settings.rate, settings.burst, span or MINUTE)
        self.slow_burst = float(settings.burst - self.fast_burst)
        self.rates = rate_grid(settings.rate, highest)
        self._rates = self.rates.tolist()
        rejected = token_bucket.rejected_share(self.rates, settings.rate, self.fast_burst)
        self._rejected = rejected.tolist()
        self._dispersion: Dispersion | None = None

    def rejected_share(self, rate: float) -> float:
        """Return the share of requests that find no token at an arrival rate."""
        return interpolate(self._rates, self._rejected, rate)

    def dispersion(self, work: Distribution, step: float) -> Dispersion:
        """Return the dispersion of the requests that it admits, as they arrive at the endpoint.

        Parameters
        ----------
        work
            Lambda's own time, by which each request is delayed.
        step
            Time step of the computation, seconds.
        """
        if self._dispersion is None:
            rates = np.geomspace(_LOWEST_PACED, 4.0, _DISPERSION_NODES) * self.rate
            self._dispersion = token_bucket.dispersion(
                rates, self.rate, self.fast_burst, work, step
            )
        return self._dispersion


def rate_grid(critical: float, highest: float) -> Floats:
    """Return rates from 0 to `highest`: evenly spaced to twice `critical`, geometric beyond."""
    even_end = min(2 * critical, max(highest, 1e-3))
    even = np.linspace(0, even_end, _EVEN_NODES)
    if highest <= even_end * 1.001:
        return even
    return np.concatenate([even, np.geomspace(even_end, highest, _UPPER_NODES + 1)[1:]])


def interpolate(nodes: list[float], values: list[float], at: float) -> float:
    """Interpolate linearly between nodes; the last value beyond them.

    For one number this is several times faster than numpy.interp.
    """
    high = bisect.bisect_right(nodes, at)
    if high >= len(nodes):
        return values[-1]
    low = high - 1
    fraction = (at - nodes[low]) / (nodes[high] - nodes[low])
    return values[low] + fraction * (values[high] - values[low])
