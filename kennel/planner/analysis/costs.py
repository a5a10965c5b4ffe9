"""Costs: the monthly bill of a result, item by item."""

from dataclasses import dataclass

from kennel.planner.engines.result import Result
from kennel.planner.errors import PlanError
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S

MONTH_S = 30 * 86_400
INSTANCES = "endpoint instances"
_MB = 1024
_MILLION = 1e6


@dataclass(frozen=True)
class BillItem:
    """An item of the bill: USD for a month of this traffic (None: no figure), and its basis."""

    name: str
    usd: float | None
    basis: str


def bill(result: Result, prices: Prices) -> list[BillItem]:
    """Return the bill for a month (30 days) of the profile's traffic.

    AWS bills neither requests throttled by the usage plan nor invocations throttled by Lambda.

    Raises
    ------
    PlanError
        When a price is missing.
    """
    settings = result.settings
    month = MONTH_S / result.profile.seconds
    memory = settings.memory_mb / _MB
    hours = result.instance_hours * month
    starting = result.instance_hours_starting * month
    items = [
        BillItem(
            INSTANCES,
            hours * prices.instance_hour(settings.instance_type),
            f"{hours:,.0f} h of {settings.instance_type}, {starting:,.0f} of them while starting",
        ),
        BillItem(
            "API requests",
            result.admitted * month / _MILLION * prices.usd("rest_api_million_requests"),
            f"{result.admitted * month:,.0f} admitted by the usage plan",
        ),
        BillItem(
            "Lambda requests",
            result.invocations * month / _MILLION * prices.usd("lambda_million_requests"),
            f"{result.invocations * month:,.0f} executions",
        ),
    ]
    seconds = result.busy_seconds * month
    if settings.provisioned:
        return [*items, *_provisioned(result, prices, month)]
    usd = seconds * memory * prices.usd("lambda_gb_second")
    basis = f"{seconds * memory:,.0f} GB-s at {memory:.2f} GB"
    return [*items, BillItem("Lambda time", usd, basis)]


def _provisioned(result: Result, prices: Prices, month: float) -> list[BillItem]:
    settings = result.settings
    memory = settings.memory_mb / _MB
    provisioned = settings.provisioned * MONTH_S * memory
    busy = _seconds_within(result.executions, settings.provisioned) * month * memory
    on_demand = max(result.busy_seconds * month * memory - busy, 0.0)
    return [
        BillItem(
            "Lambda provisioned concurrency",
            provisioned * prices.usd("lambda_provisioned_idle_gb_second"),
            f"{settings.provisioned} environments all month",
        ),
        BillItem(
            "Lambda time",
            busy * prices.usd("lambda_provisioned_busy_gb_second")
            + on_demand * prices.usd("lambda_gb_second"),
            f"{busy:,.0f} GB-s provisioned, {on_demand:,.0f} GB-s on demand",
        ),
    ]


def _seconds_within(executions: Floats, limit: int) -> float:
    """Return the seconds of executions of which at most `limit` run at once, by bins' means."""
    return float(executions.clip(max=limit).sum()) * BIN_S


def total(items: list[BillItem]) -> float:
    """Return the sum of the items that have a figure, USD."""
    return sum(item.usd for item in items if item.usd is not None)


def by_bin(result: Result, prices: Prices) -> Floats:
    """Return the cost of each bin in USD: its instances, and its share of all other items."""
    settings = result.settings
    hour = prices.instance_hour(settings.instance_type)
    shares = result.executions / max(float(result.executions.sum()), 1e-12)
    others = total([item for item in bill(result, prices) if item.name != INSTANCES])
    others *= result.profile.seconds / MONTH_S
    usd: Floats = result.paid * hour * BIN_S / 3600 + shares * others
    return usd


def provisioned_instead(result: Result, prices: Prices) -> BillItem:
    """Return what provisioned concurrency for every reserved execution would add to the bill."""
    settings = result.settings
    if not settings.reserved:
        return BillItem("provisioned concurrency", None, "none reserved, so nothing to compare")
    provisioned = settings.reserved * MONTH_S * settings.memory_mb / _MB
    busy = result.busy_seconds * MONTH_S / result.profile.seconds * settings.memory_mb / _MB
    usd = provisioned * prices.usd("lambda_provisioned_idle_gb_second") - busy * (
        prices.usd("lambda_gb_second") - prices.usd("lambda_provisioned_busy_gb_second")
    )
    return BillItem(
        f"provision all {settings.reserved} instead of reserving",
        usd,
        f"avoids {result.cold_starts:.0f} cold starts in {result.requests:,.0f} requests",
    )


def check_instance_type(instance_type: str, prices: Prices) -> None:
    """Check that an instance type can host a scaled endpoint and has a price.

    Raises
    ------
    PlanError
        Where it cannot or has none.
    """
    if instance_type.startswith(("ml.t2.", "ml.t3.")):
        reason = "cannot scale" if instance_type.startswith("ml.t2.") else "is not a hosting type"
        raise PlanError(f"InstanceType is {instance_type}: it {reason}; use, say, ml.c5.large")
    prices.instance_hour(instance_type)
