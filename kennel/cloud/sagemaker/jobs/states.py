"""Define the states, failure reasons and events that training, tuning and transform jobs share."""

import asyncio
from collections.abc import Callable

from kennel.cloud.runtime.faults import Fault
from kennel.cloud.runtime.store import Json

ENDED = {"Completed", "Failed", "Stopped"}
MAX_REASON = 1024  # characters of a FailureReason

CAPACITY_ERROR = (
    "CapacityError: Unable to provision requested ML compute capacity. "
    "Please retry using a different ML instance type."
)
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
INTERRUPTED = (
    "InternalServerError: the offline cloud ended while the job was in progress. Please try again."
)

#: Receives (detail type, source, detail, resources) of an event.
Publish = Callable[[str, str, Json, list[str]], None]


def discard_event(detail_type: str, source: str, detail: Json, resources: list[str]) -> None:
    """Discard an event, where there is no event bus."""


class JobFailed(Exception):  # noqa: N818
    """The job failed; the message is its FailureReason."""


async def apply_fault(fault: Fault | None) -> None:
    """Apply the fault of a job: return without one, hang until cancelled, or fail.

    Raises
    ------
    JobFailed
        With the fault's reason, or the service's own.
    """
    if fault is None:
        return
    if fault.how in {"fail", "capacity"}:
        default = CAPACITY_ERROR if fault.how == "capacity" else INTERNAL_ERROR
        raise JobFailed(fault.reason or default)
    await asyncio.Event().wait()
