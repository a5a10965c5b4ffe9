"""Capacity: the request rate that each limit of the settings lets through, and which one binds."""

from dataclasses import dataclass

from kennel.planner.formats import number
from kennel.planner.inputs.settings import PlanSettings
from kennel.planner.inputs.traffic import DAY

QUOTA = "DailyQuota"
ACCOUNT = "the account's concurrency"  # binds where no execution is reserved


@dataclass(frozen=True)
class Limit:
    """A limit: its template parameter, its rate in requests a second, and where that comes from."""

    parameter: str
    rate: float
    basis: str


def limits(settings: PlanSettings) -> list[Limit]:
    """Return the limits of steady traffic, the lowest first: that one binds."""
    execution_time = settings.work.mean + settings.service.mean
    per_instance = settings.workers / settings.service.mean
    executions = f"{settings.concurrency} executions of {1000 * execution_time:.0f} ms"
    return sorted(
        [
            Limit(QUOTA, settings.quota / DAY, f"{settings.quota:,} a day"),
            Limit("RateLimit", settings.rate, "of the usage plan"),
            Limit(
                "ReservedConcurrency" if settings.reserved else ACCOUNT,
                settings.concurrency / execution_time,
                executions,
            ),
            Limit(
                "MaxInstances",
                settings.maximum * per_instance,
                f"{settings.maximum} x {settings.workers} workers, "
                f"{1000 * settings.service.mean:.0f} ms a request",
            ),
        ],
        key=lambda limit: limit.rate,
    )


def sentence(settings: PlanSettings) -> str:
    """Return the limits in words: a daily quota limits the mean of a day, the others any second."""
    binding, *others = limits(settings)
    second = f"{number(binding.rate)} requests a second"
    if binding.parameter == QUOTA:
        binds_next, *others = others
        start = (
            f"Capacity: {second} over a whole day, bound by DailyQuota ({binding.basis}); until it "
            f"is used up {number(binds_next.rate)} a second, bound by {binds_next.parameter} "
            f"({binds_next.basis})."
        )
    else:
        start = f"Capacity: {second}, bound by {binding.parameter} ({binding.basis})."
    rest = ", ".join(f"{limit.parameter} {number(limit.rate)} ({limit.basis})" for limit in others)
    return f"{start} The other limits: {rest}."
