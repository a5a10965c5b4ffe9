"""Costs: the bill of a result for a month, item by item, and how much that month answers."""

import math
from dataclasses import dataclass

from kennel.planner.engines.result import ANSWERED, Result
from kennel.planner.errors import PlanError
from kennel.planner.inputs.distributions import Floats
from kennel.planner.inputs.prices import Prices
from kennel.planner.inputs.settings import BIN_S
from kennel.planner.inputs.traffic import DAY

_DAYS = 30
MONTH_S = _DAYS * DAY
INSTANCES = "endpoint instances"
_MB = 1024
_MILLION = 1e6


@dataclass(frozen=True)
class BillItem:
    """An item of the bill: USD for a month of this traffic (None: no figure), and its basis."""

    name: str
    usd: float | None
    basis: str


@dataclass(frozen=True)
class Month:
    """A month (30 days) in which a profile is repeated end to end.

    Attributes
    ----------
    repeats
        How often the profile fits into the month.
    admitted_repeats
        How often the daily quota admits what it admitted once: less, where a short profile fits
        into a day more often than the quota does.
    requests, answers
        Numbers of a month.
    """

    repeats: float
    admitted_repeats: float
    requests: float
    answers: float

    @property
    def answered(self) -> float:
        """Share of the month's requests that are answered."""
        return self.answers / max(self.requests, 1e-12)

    def usd_per_thousand(self, usd: float) -> float:
        """Return the price of 1,000 answers in a month that costs `usd`; inf without answers."""
        return 1000 * usd / self.answers if self.answers else math.inf


def month(result: Result) -> Month:
    """Return the month of a result's traffic."""
    repeats = MONTH_S / result.profile.seconds
    quota = _DAYS * result.settings.quota
    admitted_repeats = min(repeats, quota / max(result.admitted, 1e-12))
    answers = result.count(ANSWERED) * admitted_repeats
    return Month(repeats, admitted_repeats, result.requests * repeats, answers)


def bill(result: Result, prices: Prices) -> list[BillItem]:
    """Return the bill for a month of the profile's traffic.

    AWS bills neither requests throttled by the usage plan nor invocations throttled by Lambda.

    Raises
    ------
    PlanError
        When a price is missing.
    """
    settings = result.settings
    repeats, admitted = month(result).repeats, month(result).admitted_repeats
    memory = settings.memory_mb / _MB
    hours = result.instance_hours * repeats
    starting = result.instance_hours_starting * repeats
    items = [
        BillItem(
            INSTANCES,
            hours * prices.instance_hour(settings.instance_type),
            f"{hours:,.0f} h of {settings.instance_type}, {starting:,.0f} of them while starting",
        ),
        BillItem(
            "API requests",
            result.admitted * admitted / _MILLION * prices.usd("rest_api_million_requests"),
            f"{result.admitted * admitted:,.0f} admitted by the usage plan",
        ),
        BillItem(
            "Lambda requests",
            result.invocations * admitted / _MILLION * prices.usd("lambda_million_requests"),
            f"{result.invocations * admitted:,.0f} executions",
        ),
    ]
    seconds = result.busy_seconds * admitted
    if settings.provisioned:
        return [*items, *_provisioned(result, prices, admitted)]
    usd = seconds * memory * prices.usd("lambda_gb_second")
    basis = f"{seconds * memory:,.0f} GB-s at {memory:.2f} GB"
    return [*items, BillItem("Lambda time", usd, basis)]


def _provisioned(result: Result, prices: Prices, repeats: float) -> list[BillItem]:
    settings = result.settings
    memory = settings.memory_mb / _MB
    provisioned = settings.provisioned * MONTH_S * memory
    busy = _seconds_within(result.executions, settings.provisioned) * repeats * memory
    on_demand = max(result.busy_seconds * repeats * memory - busy, 0.0)
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
    others /= month(result).admitted_repeats
    usd: Floats = result.paid * hour * BIN_S / 3600 + shares * others
    return usd


def provisioned_instead(result: Result, prices: Prices) -> str | None:
    """Return what provisioned concurrency for all reserved executions would cost, as a sentence.

    None where none is reserved, or some is provisioned already.
    """
    settings = result.settings
    if not settings.reserved or settings.provisioned:
        return None
    provisioned = settings.reserved * MONTH_S * settings.memory_mb / _MB
    busy = result.busy_seconds * month(result).admitted_repeats * settings.memory_mb / _MB
    usd = provisioned * prices.usd("lambda_provisioned_idle_gb_second") - busy * (
        prices.usd("lambda_gb_second") - prices.usd("lambda_provisioned_busy_gb_second")
    )
    return (
        f"Provisioned concurrency for all {settings.reserved} executions, which Kennel does not "
        f"deploy, would change the month's sum by {usd:+,.2f} USD and avoid "
        f"{result.cold_starts:,.0f} cold starts in {result.requests:,.0f} requests."
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
