"""Alternatives to instances: a serverless endpoint (Hosting=serverless), or the model in Lambda.

Kennel deploys the first of them. Both are estimated by the analytic engine with a worker for each
execution, so that no request waits for an endpoint. Assumptions: a request keeps one core busy, and
1,769 MB are one vCPU as fast as the instance's (the number is from Lambda's documentation;
SageMaker documents only that more memory is more compute); a cold start also loads the model; an
environment of a serverless endpoint starts like Lambda's, at the same moments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kennel.planner.analysis import costs
from kennel.planner.engines.analytic import estimate
from kennel.planner.engines.result import Result
from kennel.planner.formats import milliseconds, percent
from kennel.planner.inputs.distributions import constant
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S, PlanSettings

MODEL_LOAD_S = 3.0  # of a cold start
VCPU_MB = 1769
MEMORY_MB = 3072  # of a serverless endpoint: the default of ServerlessMemory
MAX_CONCURRENCY = 200  # of a serverless endpoint (ServerlessConfig)
REQUEST_GB = 640 * 320 * 3 / 1e9  # of pixels, at most

_SECOND_PRICE = f"serverless_inference_second_{MEMORY_MB}mb"
_DATA_PRICE = "serverless_inference_gb"


@dataclass(frozen=True)
class DeploymentOption:
    """A way to deploy the model, with its result.

    Attributes
    ----------
    usd
        A month; None where a price is missing.
    details
        A sentence about its assumptions.
    by_kennel
        Whether Kennel deploys it.
    instances_from
        Of a serverless endpoint: answers a month from which on MinInstances cost less; None where
        a price is missing.
    """

    name: str
    result: Result
    usd: float | None
    details: str
    by_kennel: bool = False
    instances_from: float | None = None

    @property
    def answered(self) -> float:
        """Share of a month's requests that are answered."""
        return costs.month(self.result).answered

    @property
    def usd_per_thousand(self) -> float | None:
        """The price of 1,000 answers; None where a price is missing."""
        return None if self.usd is None else costs.month(self.result).usd_per_thousand(self.usd)


def compare(result: Result, prices: Prices, seed: int = 0) -> list[DeploymentOption]:
    """Return the planned deployment and its alternatives, for the same traffic."""
    planned = costs.total(costs.bill(result, prices))
    return [
        DeploymentOption("endpoint, as planned", result, planned, "instances", by_kennel=True),
        _inside_lambda(result, prices, seed),
        _serverless(result, prices, seed),
    ]


def advice(options: Sequence[DeploymentOption]) -> str:
    """Return in sentences what is cheaper, whether Kennel deploys it, and from which traffic on."""
    planned, *others = options
    text = "Kennel deploys instances or, with Hosting=serverless, a serverless endpoint."
    for option in others:
        if option.usd is not None and planned.usd is not None and option.usd < planned.usd:
            how = "Cheaper" if option.by_kennel else "Cheaper, but yours to build"
            text += (
                f" {how}: {option.name}, ${option.usd:,.2f} a month for "
                f"{percent(option.answered)} answered, p99 "
                f"{milliseconds(option.result.quantile(0.99))}."
            )
        if option.instances_from is not None:
            minimum = planned.result.settings.minimum
            text += (
                f" {minimum} {planned.result.settings.instance_type} cost less than it from some "
                f"{option.instances_from:,.0f} answers a month on "
                f"({option.instances_from / costs.MONTH_S:.2g} a second, day and night)."
            )
    return text


def _inside_lambda(planned: Result, prices: Prices, seed: int) -> DeploymentOption:
    settings = planned.settings
    start = settings.cold_start.mean + MODEL_LOAD_S
    option = _without_instances(settings, prices, settings.memory_mb, settings.concurrency, start)
    result = estimate(option, planned.profile, seed)
    return DeploymentOption(
        "inference inside Lambda",
        result,
        costs.total(_bill_without_instances(result, prices)),
        f"{1000 * option.service.mean:.0f} ms of inference at {settings.memory_mb:,} MB; "
        f"{result.cold_starts:,.0f} cold starts of {start:.1f} s (the model's part assumed)",
    )


def _serverless(planned: Result, prices: Prices, seed: int) -> DeploymentOption:
    settings = planned.settings
    concurrency = min(settings.concurrency, MAX_CONCURRENCY)
    start = 2 * settings.cold_start.mean + MODEL_LOAD_S
    option = _without_instances(settings, prices, MEMORY_MB, concurrency, start)
    result = estimate(option, planned.profile, seed)
    details = (
        f"{1000 * option.service.mean:.0f} ms of inference at {MEMORY_MB:,} MB, "
        f"{concurrency} at once; "
        f"{result.cold_starts:,.0f} cold starts of {start:.1f} s (assumed)"
    )
    month = costs.month(result)
    seconds = float(result.working.sum()) * BIN_S * month.admitted_repeats
    usd = costs.total(_bill_without_instances(result, prices))
    missing = [name for name in (_SECOND_PRICE, _DATA_PRICE) if not prices.has(name)]
    usd += seconds * prices.usd(_SECOND_PRICE) if _SECOND_PRICE not in missing else 0.0
    if missing:
        details += (
            f"; price missing: {', '.join(missing)} not in {prices.path.name} "
            f"(all else ${usd:,.2f})"
        )
        return DeploymentOption("serverless inference", result, None, details, by_kennel=True)
    usd += month.answers * REQUEST_GB * prices.usd(_DATA_PRICE)
    # API and Lambda cost about the same either way.
    answer = option.service.mean * prices.usd(_SECOND_PRICE) + REQUEST_GB * prices.usd(_DATA_PRICE)
    instances = settings.minimum * prices.instance_hour(settings.instance_type)
    return DeploymentOption(
        "serverless inference",
        result,
        usd,
        details,
        by_kennel=True,
        instances_from=instances * costs.MONTH_S / 3600 / answer if answer else None,
    )


def _without_instances(
    settings: PlanSettings, prices: Prices, memory_mb: int, concurrency: int, cold_start: float
) -> PlanSettings:
    """Return settings with a worker for each of `concurrency` executions, and no scaling."""
    cores = prices.vcpus(settings.instance_type) / settings.workers  # busy for a request
    slowdown = cores / min(memory_mb / VCPU_MB, 1.0)
    return replace(
        settings,
        service=settings.service.scaled(slowdown),
        workers=concurrency,
        queue=concurrency,
        minimum=1,
        maximum=1,
        cold_start=constant(cold_start),
    )


def _bill_without_instances(result: Result, prices: Prices) -> list[costs.BillItem]:
    return [item for item in costs.bill(result, prices) if item.name != costs.INSTANCES]
