"""Refuse members and values of a request that the offline cloud does not emulate."""

from collections.abc import Collection, Iterable
from typing import Any

from kennel.cloud.runtime.store import Json
from kennel.cloud.sagemaker.handlers import not_emulated


def refuse_members(action: str, request: Json, paths: Iterable[str]) -> None:
    """Raise ServiceError where `request` has a member at one of the dotted paths."""
    for path in paths:
        if member_at(request, path) is not None:
            raise not_emulated(f"{path} of {action}")


def refuse_other_values(action: str, path: str, request: Json, emulated: Collection[str]) -> None:
    """Raise ServiceError where the member at a dotted path has another value than these."""
    value = member_at(request, path)
    if value is not None and value not in emulated:
        raise not_emulated(f"{path} {value} of {action}")


def member_at(request: Json, path: str) -> Any:
    """Return the member at a dotted path; None where there is none."""
    value: Any = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
