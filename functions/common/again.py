"""Work that may outlast a function: it starts itself anew, in time, and another goes on."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Context", "Functions", "starts_anew"]

_LAST_MS = 60_000  # left of the function's time, beside a wait, when it starts itself anew


class Functions(Protocol):
    """What is needed of boto3's `lambda` client."""

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Start a function; with InvocationType Event nobody waits for its answer."""


class Context(Protocol):
    """What is needed of Lambda's context."""

    @property
    def function_name(self) -> str:
        """Whom to start."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of the function's time is left, in milliseconds."""


def starts_anew(
    functions: Functions, context: Context, event: Mapping[str, Any], wait_s: int
) -> bool:
    """Start this function with `event` if its time is nearly over, and say whether it was.

    Parameters
    ----------
    wait_s
        Seconds that the function means to wait before it looks again.
    """
    if context.get_remaining_time_in_millis() >= _LAST_MS + 1000 * wait_s:
        return False
    functions.invoke(
        FunctionName=context.function_name,
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    return True
