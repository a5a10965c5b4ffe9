"""Admission of a bin's requests: usage plan, daily quota, Lambda's executions, endpoint queues."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kennel.planner.engines.result import LIMITED, OVER_QUOTA
from kennel.planner.engines.steady_state_cache import FleetCaches, SteadyStateCache
from kennel.planner.engines.usage_plan import UsagePlan
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.settings import BIN_S, PlanSettings
from kennel.planner.inputs.traffic import DAY, Profile

_SMOOTHING_S = 5.0  # averaging time of the rate at which steady states are looked up
_MEAN_RETRY_WAIT = 1.5  # times `retry_after`
_MAX_PARTS = 20
_OVER_QUOTA = OVER_QUOTA - LIMITED  # position in AdmissionResult.refused


@dataclass(frozen=True, slots=True)
class AdmissionResult:
    """The outcome of a bin's admission, as mean numbers of requests.

    Attributes
    ----------
    refused : sequence of float, length 4
        Requests finally refused, by outcome from LIMITED to QUEUE_FULL.
    attempts, admitted, executions, accepted : float
        Attempts made; those that the usage plan admitted to Lambda; executions started; requests
        that the endpoint's queues accepted.
    cache, rate
        The cache and the arrival rate at which the bin's steady state is found.
    """

    refused: Sequence[float]
    attempts: float
    admitted: float
    executions: float
    accepted: float
    cache: SteadyStateCache
    rate: float


class AdmissionControl:
    """The state of admission between bins: saved tokens and the day's remaining quota.

    Parameters
    ----------
    highest
        Highest arrival rate of any bin, requests a second.
    """

    def __init__(self, settings: PlanSettings, profile: Profile, highest: float) -> None:
        self.settings = settings
        # Clients retry after a second or two. The bucket is taken to be in steady state within
        # that time, and is followed from one part of the bin to the next.
        parts = round(BIN_S / (_MEAN_RETRY_WAIT * settings.retry_after)) if settings.retries else 1
        self.parts = min(max(parts, 1), _MAX_PARTS)
        span = BIN_S / self.parts if settings.retries else None
        self.usage_plan = UsagePlan(settings, highest, span)
        self._saved_tokens = self.usage_plan.slow_burst
        self._start = profile.start
        self._day, self._quota_left = int(profile.start // DAY), float(settings.quota)

    def admit(
        self, requests: float, seconds: float, now: float, caches: FleetCaches
    ) -> AdmissionResult:
        """Admit `requests` that arrive within `seconds`; no client retries."""
        return self._admit(requests, requests / seconds, seconds, now, caches)

    def _admit(
        self, attempts: float, smoothed_rate: float, seconds: float, now: float, caches: FleetCaches
    ) -> AdmissionResult:
        plan = self.usage_plan
        rejected = attempts * plan.rejected_share(attempts / seconds)
        unused_tokens = max(plan.rate * seconds - (attempts - rejected), 0.0)
        from_saved = min(self._saved_tokens, rejected)
        self._saved_tokens = min(self._saved_tokens - from_saved + unused_tokens, plan.slow_burst)
        limited = rejected - from_saved
        admitted = min(attempts - limited, self._remaining_quota(now))
        over_quota = attempts - limited - admitted
        self._quota_left -= admitted
        if from_saved or over_quota >= 1:  # the bucket's rate does not pace these arrivals
            cache = caches.poisson
            rate = smoothed_rate * admitted / attempts if attempts else 0.0
        else:
            cache, rate = caches.paced, smoothed_rate
        no_execution = admitted * cache.interpolate(cache.lost, rate)
        executions = admitted - no_execution
        queue_full = executions * cache.interpolate(cache.refused, rate)
        refused = (limited, over_quota, no_execution, queue_full)
        accepted = executions - queue_full
        return AdmissionResult(refused, attempts, admitted, executions, accepted, cache, rate)

    def _remaining_quota(self, now: float) -> float:
        day = int((self._start + now) // DAY)
        if day != self._day:
            self._day, self._quota_left = day, float(self.settings.quota)
        return self._quota_left


class RetryingAdmission(AdmissionControl):
    """Admission with clients that retry: a bin is divided into parts as long as a client waits."""

    def __init__(self, settings: PlanSettings, profile: Profile, highest: float, seed: int) -> None:
        super().__init__(settings, profile, highest * (1 + settings.retries))
        self._random = np.random.default_rng([seed, 3])
        self._pending = np.zeros(settings.retries + 1)  # attempts of the next part, by retries made
        self._rate: float | None = None  # smoothed

    def admit(
        self, requests: float, seconds: float, now: float, caches: FleetCaches
    ) -> AdmissionResult:
        """Admit `requests` new requests, and the retries that are due."""
        span = seconds / self.parts
        refused, sums = np.zeros(4), np.zeros(5)
        result = None
        for new in self._divide(requests):
            self._pending[0] = new
            attempts = float(self._pending.sum())
            if not attempts:
                continue
            rate = attempts / span
            weight = min(1.0, span / _SMOOTHING_S)
            self._rate = rate if self._rate is None else self._rate + weight * (rate - self._rate)
            result = self._admit(attempts, self._rate, span, now, caches)
            self._schedule_retries(result, refused)
            sums += (
                result.attempts, result.admitted, result.executions, result.accepted, result.rate
            )  # fmt: skip
        if result is None:
            return super().admit(0.0, seconds, now, caches)
        attempts, admitted, executions, accepted, rates = sums.tolist()
        return AdmissionResult(
            refused.tolist(), attempts, admitted, executions, accepted, result.cache,
            rates / self.parts,
        )  # fmt: skip

    def pending_retries(self) -> float:
        """Return the number of requests that wait for a retry when the traffic ends."""
        return float(self._pending[1:].sum())

    def _schedule_retries(self, result: AdmissionResult, refused: Floats) -> None:
        """Put refused requests into the next part; add those without a retry left to `refused`."""
        to_retry = np.array(result.refused)
        to_retry[_OVER_QUOTA] = 0.0  # a retry within the day would be refused too
        share = self._pending / result.attempts
        refused[_OVER_QUOTA] += result.refused[_OVER_QUOTA]
        refused += to_retry * share[-1]
        self._pending[1:] = float(to_retry.sum()) * share[:-1]
        self._pending[0] = 0.0

    def _divide(self, requests: float) -> list[float]:
        """Divide a bin's requests at random among its parts."""
        counts = self._random.multinomial(round(requests), np.full(self.parts, 1 / self.parts))
        return [float(count) for count in counts]
