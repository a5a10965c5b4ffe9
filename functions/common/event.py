"""Read API Gateway's proxy event, whatever case its headers' names have."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Event", "header", "request_id"]

Event = Mapping[str, Any]


def header(event: Event, wanted: str) -> str:
    """Return a request's header; "" where there is none. Of a repeated one the last counts."""
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == wanted.lower():
            return str(value)
    return ""


def request_id(event: Event) -> str:
    """Return the id that API Gateway answers as x-amzn-RequestId; "" in an event without one."""
    return str((event.get("requestContext") or {}).get("requestId") or "")
