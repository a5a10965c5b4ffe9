"""Check the parameters of a call against botocore's model of its service.

botocore's own validator checks types, required members and lower limits. The services also check
patterns, upper limits and enumerations, which botocore's model has. The messages are those of every
AWS service with a JSON protocol.
"""

import re
from collections.abc import Iterator
from typing import Any

from botocore.utils import parse_to_aware_datetime

#: JSON's types by the kinds of shape. A blob is base64, a timestamp a number or a text; numbers
#: that JSON lacks (NaN, Infinity) are texts.
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "character": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float, str),
    "double": (int, float, str),
    "timestamp": (int, float, str),
}


def wrong_type(shape: Any, value: Any, where: str = "") -> str:
    """Return a sentence about the first JSON value that is none of its shape's, or ""."""
    if getattr(shape, "is_document_type", False):
        return ""
    kind = shape.type_name
    if not _fits(value, _JSON_TYPES[kind]) or (kind == "timestamp" and not _is_time(value)):
        return f"Invalid type for parameter {where}, value: {value!r:.60}, expected: {kind}"
    parts: list[tuple[Any, Any, str]] = []
    if kind == "structure":
        members = shape.members
        parts = [(members[k], v, f"{where}.{k}") for k, v in value.items() if k in members]
    elif kind == "map":
        parts = [(shape.value, each, f"{where}.{key}") for key, each in value.items()]
    elif kind == "list":
        parts = [(shape.member, each, f"{where}.{n}") for n, each in enumerate(value, 1)]
    wrong = (wrong_type(each, item, name.removeprefix(".")) for each, item, name in parts)
    return next(filter(None, wrong), "")


def _is_time(value: Any) -> bool:
    try:
        parse_to_aware_datetime(value)
    except (ValueError, OverflowError, OSError, RuntimeError):  # beyond datetime's years, too
        return False
    return True


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    return bool in types if isinstance(value, bool) else isinstance(value, types)


def broken_constraints(shape: Any, request: Any) -> str:
    """Return the service's message for a request that breaks constraints of its model, or ""."""
    violations = list(_violations(shape, request, ""))
    if not violations:
        return ""
    number = len(violations)
    count = "1 validation error" if number == 1 else f"{number} validation errors"
    return f"{count} detected: {'; '.join(violations)}"


def _violations(shape: Any, value: Any, where: str) -> Iterator[str]:
    """Yield a message for each constraint that `value` breaks."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            path = f"{where}.{name[:1].lower()}{name[1:]}".removeprefix(".")
            if value.get(name) is not None:
                yield from _violations(member, value[name], path)
            elif name in shape.required_members:
                yield _message(None, path, "not be null")
    elif kind == "list" and isinstance(value, list):
        yield from _limit_violations(shape, len(value), value, where, "length")
        for number, each in enumerate(value, 1):
            yield from _violations(shape.member, each, f"{where}.{number}.member")
    elif kind == "map" and isinstance(value, dict):
        yield from _limit_violations(shape, len(value), value, where, "length")
        for key, each in value.items():
            yield from _violations(shape.key, key, f"{where}.key")
            yield from _violations(shape.value, each, f"{where}.{key}.member")
    elif kind == "string" and isinstance(value, str):
        yield from _limit_violations(shape, len(value), value, where, "length")
        if shape.enum and value not in shape.enum:
            yield _message(value, where, f"satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and _matches(pattern, value) is False:
            yield _message(value, where, f"satisfy regular expression pattern: {pattern}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _limit_violations(shape, value, value, where, "value")


def _limit_violations(
    shape: Any, size: float, value: Any, where: str, quantity: str
) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield _message(value, where, f"have {quantity} greater than or equal to {low}")
    if high is not None and size > high:
        yield _message(value, where, f"have {quantity} less than or equal to {high}")


def _message(value: Any, where: str, must: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{where}' failed to satisfy constraint: Member must {must}"


def _matches(pattern: str, value: str) -> bool | None:
    """Return whether `value` matches; None for a pattern that Python cannot read.

    Patterns of tags and descriptions have Unicode classes (any letter, mark or punctuation).
    """
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return None
