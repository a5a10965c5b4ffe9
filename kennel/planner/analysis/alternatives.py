"""The same model without instances: inside Lambda, or on a serverless endpoint.

Both are the planned path with a worker for each execution, so that nothing waits for an endpoint:
what is turned away, latencies and cold starts come from the same engine. Assumed: a request keeps
one core busy, and 1,769 MB are one vCPU of the speed of the instance's (Lambda's documentation has
the number; SageMaker says only that more memory is more compute); a cold start loads the model,
and an environment of a serverless endpoint starts like Lambda's, at the same moments.
"""

from dataclasses import dataclass, replace

from kennel.planner.analysis import costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import Result
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S, Settings

LOAD_S = 3.0  # to load the model in a cold start
VCPU_MB = 1769
MEMORY_MB = 3072  # of a serverless endpoint; AWS offers 1,024 to 6,144
MOST = 200  # invocations that a serverless endpoint takes at once (ServerlessConfig)
SENT_GB = 640 * 320 * 3 / 1e9  # of pixels in a request, at most

_SECOND = f"serverless_inference_second_{MEMORY_MB}mb"
_DATA = "serverless_inference_gb"


@dataclass(frozen=True)
class Way:
    """One way to run the model, what becomes of the traffic, and USD a month or why none."""

    name: str
    result: Result
    usd: float | None
    how: str


def compare(result: Result, prices: Prices, seed: int = 0) -> list[Way]:
    """Return the planned path and its alternatives, for the same traffic."""
    return [
        Way("endpoint, as planned", result, costs.total(costs.bill(result, prices)), "instances"),
        _inside_lambda(result, prices, seed),
        _serverless(result, prices, seed),
    ]


def _inside_lambda(planned: Result, prices: Prices, seed: int) -> Way:
    settings = planned.settings
    start = settings.cold_start.mean + LOAD_S
    path = _without_instances(settings, prices, settings.memory_mb, settings.concurrency, start)
    result = estimate(path, planned.profile, seed)
    return Way(
        "inference inside Lambda",
        result,
        costs.total(_without_hours(result, prices)),
        f"{1000 * path.service.mean:.0f} ms of inference at {settings.memory_mb:,} MB; "
        f"{result.cold_starts:,.0f} cold starts of {start:.1f} s (the model's part assumed)",
    )


def _serverless(planned: Result, prices: Prices, seed: int) -> Way:
    settings = planned.settings
    at_once = min(settings.concurrency, MOST)
    start = 2 * settings.cold_start.mean + LOAD_S
    path = _without_instances(settings, prices, MEMORY_MB, at_once, start)
    result = estimate(path, planned.profile, seed)
    how = (
        f"{1000 * path.service.mean:.0f} ms of inference at {MEMORY_MB:,} MB, {at_once} at once; "
        f"{result.cold_starts:,.0f} cold starts of {start:.1f} s (assumed)"
    )
    month = costs.MONTH_S / planned.profile.seconds
    seconds = float(result.working.sum()) * BIN_S * month
    usd = costs.total(_without_hours(result, prices))
    lacking = [name for name in (_SECOND, _DATA) if not prices.known(name)]
    usd += seconds * prices.of(_SECOND) if _SECOND not in lacking else 0.0
    if lacking:
        how += f"; price missing: {', '.join(lacking)} not in {prices.path.name}"
        return Way("serverless inference", result, None, f"{how} (all else ${usd:,.2f})")
    usd += result.ended(0) * month * SENT_GB * prices.of(_DATA)
    return Way("serverless inference", result, usd, how)


def _without_instances(
    settings: Settings, prices: Prices, memory_mb: int, at_once: int, start: float
) -> Settings:
    """Return the path with `at_once` workers that scale by themselves."""
    cores = prices.vcpus(settings.instance_type) / settings.workers  # that a request keeps busy
    slower = cores / min(memory_mb / VCPU_MB, 1.0)
    return replace(
        settings,
        service=settings.service.scaled(slower),
        workers=at_once,
        queue=at_once,
        minimum=1,
        maximum=1,
        cold_start=constant(start),
    )


def _without_hours(result: Result, prices: Prices) -> list[costs.Part]:
    return [part for part in costs.bill(result, prices) if part.name != costs.INSTANCES]
