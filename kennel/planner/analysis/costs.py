"""Money: what a run of an engine costs, part by part."""

from dataclasses import dataclass

from kennel.planner.engines.result import Result
from kennel.planner.errors import BadPlan
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S

MONTH_S = 30 * 86_400
INSTANCES = "endpoint instances"
_MB = 1024
_MILLION = 1e6


@dataclass(frozen=True)
class Part:
    """One line of the bill: USD for a month of this traffic, or why there is no figure."""

    name: str
    usd: float | None
    how: str


def bill(result: Result, prices: Prices) -> list[Part]:
    """Return the parts of the bill for a month (30 days) of the profile's traffic.

    Requests that the usage plan throttles, and invocations that Lambda does, are not billed.

    Raises
    ------
    BadPlan
        When a price is missing.
    """
    settings = result.settings
    month = MONTH_S / result.profile.seconds
    memory = settings.memory_mb / _MB
    hours = result.instance_hours * month
    starting = result.instance_hours_starting * month
    parts = [
        Part(
            INSTANCES,
            hours * prices.instance_hour(settings.instance_type),
            f"{hours:,.0f} h of {settings.instance_type}, {starting:,.0f} of them while starting",
        ),
        Part(
            "API requests",
            result.passed * month / _MILLION * prices.of("rest_api_million_requests"),
            f"{result.passed * month:,.0f} that the usage plan let through",
        ),
        Part(
            "Lambda requests",
            result.invocations * month / _MILLION * prices.of("lambda_million_requests"),
            f"{result.invocations * month:,.0f} executions",
        ),
    ]
    seconds = result.busy_seconds * month
    if settings.provisioned:
        return [*parts, *_provisioned(result, prices, month)]
    usd = seconds * memory * prices.of("lambda_gb_second")
    return [*parts, Part("Lambda time", usd, f"{seconds * memory:,.0f} GB-s at {memory:.2f} GB")]


def _provisioned(result: Result, prices: Prices, month: float) -> list[Part]:
    settings = result.settings
    memory = settings.memory_mb / _MB
    kept = settings.provisioned * MONTH_S * memory
    inside = _below(result.executions, settings.provisioned) * month * memory
    beyond = max(result.busy_seconds * month * memory - inside, 0.0)
    return [
        Part(
            "Lambda provisioned concurrency",
            kept * prices.of("lambda_provisioned_idle_gb_second"),
            f"{settings.provisioned} environments all month",
        ),
        Part(
            "Lambda time",
            inside * prices.of("lambda_provisioned_busy_gb_second")
            + beyond * prices.of("lambda_gb_second"),
            f"{inside:,.0f} GB-s provisioned, {beyond:,.0f} GB-s on demand",
        ),
    ]


def _below(executions: Floats, limit: int) -> float:
    """Return the seconds of executions that fit into `limit` at once, by bins' means."""
    return float(executions.clip(max=limit).sum()) * BIN_S


def total(parts: list[Part]) -> float:
    """Return the sum of the parts that have a figure."""
    return sum(part.usd for part in parts if part.usd is not None)


def by_hour(result: Result, prices: Prices) -> Floats:
    """Return USD in each bin, for the plot: instances, then requests as they end."""
    settings = result.settings
    hour = prices.instance_hour(settings.instance_type)
    spread = result.executions / max(float(result.executions.sum()), 1e-12)
    rest = total([part for part in bill(result, prices) if part.name != INSTANCES])
    share = result.profile.seconds / MONTH_S
    found: Floats = result.paid * hour * BIN_S / 3600 + spread * rest * share
    return found


def provisioned_instead(result: Result, prices: Prices) -> Part:
    """Return what keeping every reserved execution warm would add to the bill."""
    settings = result.settings
    if not settings.reserved:
        return Part("provisioned concurrency", None, "none reserved, so nothing to compare")
    kept = settings.reserved * MONTH_S * settings.memory_mb / _MB
    saved = result.busy_seconds * MONTH_S / result.profile.seconds * settings.memory_mb / _MB
    usd = kept * prices.of("lambda_provisioned_idle_gb_second") - saved * (
        prices.of("lambda_gb_second") - prices.of("lambda_provisioned_busy_gb_second")
    )
    spared = result.cold_starts
    return Part(
        f"provision all {settings.reserved} instead of reserving", usd,
        f"spares {spared:.0f} cold starts in {result.requests:,.0f} requests",
    )  # fmt: skip


def check(instance_type: str, prices: Prices) -> None:
    """Raise BadPlan at once for an instance type without a price, or that cannot be used."""
    if instance_type.startswith(("ml.t2.", "ml.t3.")):
        why = "cannot scale" if instance_type.startswith("ml.t2.") else "is no hosting type"
        raise BadPlan(f"InstanceType is {instance_type}: it {why}; take one such as ml.c5.large")
    prices.instance_hour(instance_type)
