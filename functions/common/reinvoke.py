"""Re-invoke this function before it times out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

__all__ = ["Context", "reinvoke_before_timeout"]

_RESERVE_MS = 60_000  # time that must be left after the next wait


class Context(Protocol):
    """The members of Lambda's context object that are used here."""

    @property
    def function_name(self) -> str:
        """Name of the running function."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function times out."""


def reinvoke_before_timeout(
    lambda_client: LambdaClient, context: Context, event: Mapping[str, Any], wait_s: int
) -> bool:
    """Invoke this function again, asynchronously, if it is about to time out.

    Parameters
    ----------
    event
        The event of the new invocation.
    wait_s
        Seconds that the function is about to wait.

    Returns
    -------
    bool
        Whether the function was invoked again; the current invocation must then end.
    """
    if context.get_remaining_time_in_millis() >= _RESERVE_MS + 1000 * wait_s:
        return False
    lambda_client.invoke(
        FunctionName=context.function_name,
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    return True
