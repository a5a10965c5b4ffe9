"""Map an API action to the function that answers it."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.store import Json

#: Answers one action: the request as JSON -> the answer as JSON.
Handler = Callable[[Json], Coroutine[Any, Any, Json]]


def merge_handlers(tables: Iterable[Mapping[str, Handler]]) -> dict[str, Handler]:
    """Return one table of action -> handler; ValueError when two tables answer one action."""
    merged: dict[str, Handler] = {}
    for table in tables:
        if duplicates := merged.keys() & table.keys():
            raise ValueError(f"two handlers for {', '.join(sorted(duplicates))}: expected one")
        merged |= table
    return merged


def not_emulated(feature: str) -> ServiceError:
    """Return the error for an action or a member that the offline cloud lacks."""
    return not_implemented(f"the offline cloud does not emulate {feature}")
