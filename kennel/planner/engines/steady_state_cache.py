"""Cache of steady states on a grid of arrival rates, solved when first needed.

The time of a run therefore hardly depends on the number of requests.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.pacing import Peakedness
from kennel.planner.engines.steady_state import SteadyState, solve
from kennel.planner.engines.usage_plan import UsagePlan, interpolate, rate_grid
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import PlanSettings

_MAX_UTILISATION = 0.99  # of an instance, in the length of its busy period
_STEPS_OF_SERVICE = 4  # time steps of a service time in which the token bucket is followed
_GROUP = 6  # neighbouring rates that are solved together


class SteadyStateCache:
    """Steady states by arrival rate, solved in groups of neighbouring rates.

    Attributes
    ----------
    rates : ndarray, shape (L,)
        The nodes, in requests a second.
    lost, refused, inside, endpoint
        Columns for `interpolate`: the share lost for want of an execution, the share of executions
        that find the instance's queue full, and the mean numbers of executions and of requests at
        the endpoint.
    """

    def __init__(self, rates: Floats, solver: Callable[[slice], SteadyState]) -> None:
        self.rates = rates
        self._nodes: list[float] = rates.tolist()
        self.lost, self.refused, self.inside, self.endpoint = ([0.0] * len(rates) for _ in range(4))
        self._solver = solver
        self._groups: list[SteadyState | None] = [None] * (-(-len(rates) // _GROUP))

    def interpolate(self, column: list[float], rate: float) -> float:
        """Return the value of one of the cache's columns at an arrival rate."""
        high = min(bisect.bisect_right(self._nodes, rate), len(self._nodes) - 1)
        self._group((high - 1) // _GROUP)
        self._group(high // _GROUP)
        return interpolate(self._nodes, column, rate)

    def weights(self, rates: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Return the node below each of `rates`, and the interpolation weight of the one above."""
        nodes = self.rates
        low = np.clip(np.searchsorted(nodes, rates, side="right") - 1, 0, len(nodes) - 2)
        upper_weight = np.clip((rates - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)
        return low, upper_weight

    def states(self, first: int, last: int) -> SteadyState:
        """Return the steady states at the nodes from `first` to `last`, both included."""
        numbers = range(first // _GROUP, last // _GROUP + 1)
        cut = slice(first - numbers[0] * _GROUP, last + 1 - numbers[0] * _GROUP)
        groups = [self._group(number) for number in numbers]
        names = [field.name for field in fields(SteadyState)]
        return SteadyState(
            *(np.concatenate([getattr(group, name) for group in groups])[cut] for name in names)
        )

    def _group(self, number: int) -> SteadyState:
        group = self._groups[number]
        if group is None:
            nodes = slice(number * _GROUP, (number + 1) * _GROUP)
            group = self._groups[number] = self._solver(nodes)
            self.lost[nodes] = group.lost.tolist()
            self.refused[nodes] = group.refused.tolist()
            self.inside[nodes] = group.inside.tolist()
            self.endpoint[nodes] = (group.waiting + group.working).tolist()
        return group


@dataclass(frozen=True, eq=False)
class FleetCaches:
    """The caches for one number of instances.

    Attributes
    ----------
    paced
        By the arrival rate at the usage plan, whose token bucket paces the arrivals at Lambda.
    poisson
        By the arrival rate at Lambda, where saved tokens or the quota decide what is admitted.
    """

    paced: SteadyStateCache
    poisson: SteadyStateCache


def build_caches(settings: PlanSettings, usage_plan: UsagePlan, instances: int) -> FleetCaches:
    """Return empty caches for an endpoint of `instances`."""
    service, work = settings.service, settings.work
    capacity = min(
        settings.concurrency / (work.mean + service.mean),
        instances * settings.workers / service.mean,
    )
    highest = float(usage_plan.rates[-1])
    rates = rate_grid(capacity, highest)
    poisson = SteadyStateCache(rates, lambda nodes: solve(settings, rates[nodes], instances))

    arriving = np.unique(np.concatenate([rates[rates < settings.rate], usage_plan.rates]))
    admitted = arriving * (1 - np.array([usage_plan.rejected_share(r) for r in arriving.tolist()]))
    # Pacing matters within an execution's work and a busy period of its instance, which ends at
    # the latest when all that the executions can hold has been served.
    service_interval = service.mean / settings.workers
    idle_share = 1 - np.minimum(admitted * service_interval / instances, _MAX_UTILISATION)
    busy_periods = np.minimum(
        service_interval / idle_share, settings.concurrency * service_interval / instances
    )
    dispersion = usage_plan.dispersion(work, service.mean / _STEPS_OF_SERVICE)
    execution_times = np.full(len(arriving), work.mean + service.mean)
    at_lambda = dispersion.at(arriving, execution_times)
    at_endpoint = dispersion.at(arriving, work.mean + busy_periods)

    def solve_paced(nodes: slice) -> SteadyState:
        peakedness = Peakedness(at_lambda[nodes], at_endpoint[nodes])
        return solve(settings, admitted[nodes], instances, peakedness)

    return FleetCaches(SteadyStateCache(arriving, solve_paced), poisson)
