"""Check requests and responses against botocore's model of the service.

botocore's validator checks types, required members and lower limits. The service also checks
patterns, upper limits and enumerations; botocore's model has them and its validator does not
check them. The messages are those of every AWS service with this protocol.
"""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.errors import invalid

MODEL = botocore.session.get_session().get_service_model("sagemaker")


class MalformedAnswer(Exception):  # noqa: N818
    """The emulator made an answer that does not have the service's form: a bug."""


def check_request(action: str, request: Any) -> None:
    """Raise ServiceError, with the service's message, for a request that its model refuses."""
    shape = MODEL.operation_model(action).input_shape
    if shape is None:
        return
    if message := broken_constraints(shape, request):
        raise invalid(message)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():  # a wrong type, an unknown member
        raise ServiceError("SerializationException", report.generate_report())


def broken_constraints(shape: Any, request: Any) -> str:
    """Return the service's message for a request that breaks constraints of its model, or ""."""
    violations = list(_violations(shape, request, ""))
    if not violations:
        return ""
    number = len(violations)
    count = "1 validation error" if number == 1 else f"{number} validation errors"
    return f"{count} detected: {'; '.join(violations)}"


def check_response(action: str, response: Any) -> None:
    """Raise MalformedAnswer unless `response` has the form of the action's answer."""
    shape = MODEL.operation_model(action).output_shape
    if shape is None:
        if response:
            raise MalformedAnswer(f"{action} answers nothing: received {response}, expected none")
        return
    violations = list(_violations(shape, response, ""))
    report = ParamValidator().validate(response, shape)
    if violations or report.has_errors():
        raise MalformedAnswer(
            f"the answer to {action}: {'; '.join(violations)} {report.generate_report()}"
        )


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
