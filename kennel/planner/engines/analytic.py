"""Analytic engine: queueing theory in bins of ten seconds, for days and weeks of traffic.

Within a bin the request path is in steady state (steady_state.py says why that is a good model).
From bin to bin the engine carries saved tokens, the daily quota, warm environments, the scaling
metric, and instances that are starting. A day is 8,640 bins, whatever its number of requests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kennel.planner.engines.admission import AdmissionControl, RetryingAdmission
from kennel.planner.engines.autoscaling import Fleet
from kennel.planner.engines.cold_starts import WarmEnvironments, add_cold_start_latency
from kennel.planner.engines.result import (
    ANSWERED,
    LIMITED,
    NO_EXECUTION,
    SLOT_S,
    TIMED_OUT,
    Result,
)
from kennel.planner.engines.steady_state_cache import FleetCaches, SteadyStateCache, build_caches
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, MINUTE, PlanSettings
from kennel.planner.inputs.traffic import Profile

_NOTED_TIMEOUTS = 0.01  # share timed out from which the steady states are doubtful


@dataclass(slots=True)
class Bin:
    """What the engine knows of a bin before its latencies: the fleet, and mean request counts.

    Attributes
    ----------
    in_service, paid
        Instances.
    attempts, admitted, executions, accepted
        See AdmissionResult; executions and accepted without those lost to cold starts.
    refused : tuple of float, length 4
        By outcome from LIMITED to QUEUE_FULL.
    cold_starts
        Environments started.
    rate, paced
        The arrival rate and the cache (the paced one or not) of its steady state.
    """

    in_service: int
    paid: int
    attempts: float = 0.0
    admitted: float = 0.0
    executions: float = 0.0
    accepted: float = 0.0
    refused: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    cold_starts: float = 0.0
    rate: float = 0.0
    paced: bool = False


class AnalyticEngine:
    """One run: `AnalyticEngine(settings, profile, seed).run()`."""

    def __init__(self, settings: PlanSettings, profile: Profile, seed: int) -> None:
        self.settings = settings
        self.profile = profile
        counts = profile.draw(seed)
        highest = float(counts.max()) / BIN_S * 1.01 + 0.1
        self._requests: list[float]
        self._admission: AdmissionControl
        if settings.retries:
            self._requests = counts.tolist()
            self._admission = RetryingAdmission(settings, profile, highest * 1.3, seed)
        else:
            self._requests = _minute_means(counts).tolist()
            self._admission = AdmissionControl(settings, profile, highest)
        self._fleet = Fleet(settings, seed)
        self._caches: dict[int, FleetCaches] = {}
        self._environments = WarmEnvironments(settings)

    def run(self) -> Result:
        """Follow the bins one by one, then look their steady states up together."""
        bins: list[Bin] = []
        bins_per_period = self._fleet.policy.period // BIN_S
        executions = at_endpoint = 0.0  # of the alarm period
        for number, requests in enumerate(self._requests):
            now = float(number * BIN_S)
            if number and number % bins_per_period == 0:
                self._observe_metric(now, executions, at_endpoint / bins_per_period)
                executions = at_endpoint = 0.0
            bin_ = Bin(self._fleet.instances_at(now), self._fleet.paid)
            at_endpoint += self._run_bin(bin_, requests, now)
            executions += bin_.executions
            bins.append(bin_)
        result = self._look_up(bins)
        result.attempts = sum(b.attempts for b in bins)
        result.admitted = sum(b.admitted for b in bins)
        result.invocations = sum(b.executions for b in bins)
        result.cold_starts = sum(b.cold_starts for b in bins)
        result.scaling = self._fleet.reasons
        return result

    # one bin after the other

    def _run_bin(self, bin_: Bin, requests: float, now: float) -> float:
        """Admit a bin's requests and fill the bin in; return the mean number at the endpoint."""
        caches = self._fleet_caches(bin_.in_service)
        admission = self._admission.admit(requests, BIN_S, now, caches)
        if not admission.attempts:
            return 0.0
        cold_starts = self._environments.start(now, admission)
        limited, over_quota, no_execution, queue_full = admission.refused
        bin_.refused = (limited, over_quota, no_execution + cold_starts.lost, queue_full)
        bin_.attempts, bin_.admitted = admission.attempts, admission.admitted
        bin_.executions = admission.executions - cold_starts.lost
        bin_.accepted = admission.accepted - cold_starts.lost
        bin_.cold_starts = cold_starts.started
        bin_.rate, bin_.paced = admission.rate, admission.cache is caches.paced
        return admission.cache.interpolate(admission.cache.endpoint, admission.rate)

    def _observe_metric(self, now: float, executions: float, at_endpoint: float) -> None:
        metric: float | None = None
        if executions:
            by_count = self.settings.metric == "invocations"
            metric = (executions if by_count else at_endpoint) / self._fleet.instances_at(now)
        self._fleet.observe(now, metric)

    def _fleet_caches(self, instances: int) -> FleetCaches:
        if instances not in self._caches:
            self._caches[instances] = build_caches(
                self.settings, self._admission.usage_plan, instances
            )
        return self._caches[instances]

    # all bins together

    def _look_up(self, bins: list[Bin]) -> Result:
        """Return the result, with latencies and mean numbers from each bin's steady state."""
        result = Result.empty(self.settings, self.profile, len(bins))
        result.in_service = np.array([b.in_service for b in bins], np.int64)
        result.paid = np.array([b.paid for b in bins], np.int64)
        result.outcomes[LIMITED:TIMED_OUT] = np.array([b.refused for b in bins]).T
        if isinstance(self._admission, RetryingAdmission):
            result.outcomes[NO_EXECUTION, -1] += self._admission.pending_retries()
        accepted = np.array([b.accepted for b in bins])
        cold = np.array([b.cold_starts for b in bins])
        rates = np.array([b.rate for b in bins])
        paced = np.array([b.paced for b in bins])
        for instances, caches in self._caches.items():
            of_fleet = (result.in_service == instances) & (rates > 0)
            for cache, of_cache in ((caches.paced, paced), (caches.poisson, ~paced)):
                selected = np.flatnonzero(of_fleet & of_cache)
                if len(selected):
                    _add_steady_states(result, cache, selected, rates[selected], accepted[selected])
        add_cold_start_latency(result, cold)
        cold_start_seconds = float(cold.sum()) * self.settings.cold_start.mean
        result.busy_seconds = float(result.executions.sum()) * BIN_S + cold_start_seconds
        timed_out = result.count(TIMED_OUT) / max(result.requests, 1.0)
        if timed_out > _NOTED_TIMEOUTS:
            result.notes.append(
                f"{100 * timed_out:.1f} % time out: the endpoint still serves a request whose "
                "client gave up, which the analytic engine leaves out; use the exact one "
                "(--engine simulation)"
            )
        return result


def _add_steady_states(
    result: Result,
    cache: SteadyStateCache,
    selected: NDArray[np.int64],
    rates: Floats,
    accepted: Floats,
) -> None:
    """Fill in the bins `selected`, whose steady states are in `cache` at `rates`."""
    node, upper_weight = cache.weights(rates)
    first = int(node.min())
    states, low = cache.states(first, int(node.max()) + 1), node - first

    def interpolated(column: Floats) -> Floats:
        values: Floats = column[low] * (1 - upper_weight) + column[low + 1] * upper_weight
        return values

    timed_out = accepted * interpolated(states.timed_out)
    answered = accepted - timed_out
    result.outcomes[TIMED_OUT, selected] = timed_out
    result.outcomes[ANSWERED, selected] = answered
    result.latency[selected] = answered * interpolated(states.latency)
    result.waiting[selected] = interpolated(states.waiting)
    result.working[selected] = interpolated(states.working)
    result.executions[selected] = interpolated(states.inside)
    # Histograms are added up by slot: first the answers by slot and node, then one product.
    slots, row = np.unique(selected * BIN_S // SLOT_S, return_inverse=True)
    answers = np.zeros((len(slots), len(states.rates)))
    np.add.at(answers, (row, low), answered * (1 - upper_weight))
    np.add.at(answers, (row, low + 1), answered * upper_weight)
    result.histogram[slots] += answers @ states.histogram


def _minute_means(counts: NDArray[np.int64]) -> Floats:
    """Return each minute's mean count in all its bins.

    The steady states already include the variation within a minute; it would count twice.
    """
    bins = MINUTE // BIN_S
    starts = np.arange(0, len(counts), bins)
    sizes = np.diff(np.append(starts, len(counts)))
    return np.repeat(np.add.reduceat(counts, starts) / sizes, sizes)


def estimate(settings: PlanSettings, profile: Profile, seed: int = 0) -> Result:
    """Estimate the outcomes of `profile` by queueing theory.

    Parameters
    ----------
    seed
        The same seed gives the same run, and the same traffic as in the simulation.
    """
    return AnalyticEngine(settings.checked(), profile, seed).run()
