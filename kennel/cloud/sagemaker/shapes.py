"""Requests and responses against botocore's model of the service.

botocore's own validator knows types, required members and lower limits. The service also holds
a request to the model's patterns, upper limits and enumerations, which botocore carries and does
not check; its wording is that of every AWS service of this protocol.
"""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from kennel.cloud.sagemaker.errors import ServiceError

MODEL = botocore.session.get_session().get_service_model("sagemaker")


class Misfit(Exception):  # noqa: N818
    """An answer of ours does not have the service's form: a bug."""


def check_request(action: str, request: Any) -> None:
    """Raise ServiceError, in the service's words, for a request that its model refuses."""
    shape = MODEL.operation_model(action).input_shape
    if sentence := broken_constraints(shape, request):
        raise ServiceError("ValidationException", sentence)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():  # what is left: a wrong type, an unknown member
        raise ServiceError("SerializationException", report.generate_report())


def broken_constraints(shape: Any, request: Any) -> str:
    """Return what a service says to a request that breaks its model's constraints, or nothing."""
    found = list(_violations(shape, request, ""))
    if not found:
        return ""
    count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
    return f"{count} detected: {'; '.join(found)}"


def check_response(action: str, response: Any) -> None:
    """Raise Misfit unless `response` has the form that the action's answer has."""
    shape = MODEL.operation_model(action).output_shape
    if shape is None:
        if response:
            raise Misfit(f"{action} answers nothing, and this was made: {response}")
        return
    found = list(_violations(shape, response, ""))
    report = ParamValidator().validate(response, shape)
    if found or report.has_errors():
        raise Misfit(f"the answer to {action}: {'; '.join(found)} {report.generate_report()}")


def _violations(shape: Any, value: Any, where: str) -> Iterator[str]:
    """Yield a sentence for each constraint that `value` breaks."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            path = f"{where}.{name[:1].lower()}{name[1:]}".removeprefix(".")
            if value.get(name) is not None:
                yield from _violations(member, value[name], path)
            elif name in shape.required_members:
                yield _sentence(None, path, "not be null")
    elif kind == "list" and isinstance(value, list):
        yield from _outside(shape, len(value), value, where, "length")
        for number, each in enumerate(value, 1):
            yield from _violations(shape.member, each, f"{where}.{number}.member")
    elif kind == "map" and isinstance(value, dict):
        yield from _outside(shape, len(value), value, where, "length")
        for key, each in value.items():
            yield from _violations(shape.key, key, f"{where}.key")
            yield from _violations(shape.value, each, f"{where}.{key}.member")
    elif kind == "string" and isinstance(value, str):
        yield from _outside(shape, len(value), value, where, "length")
        if shape.enum and value not in shape.enum:
            yield _sentence(value, where, f"satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and _matches(pattern, value) is False:
            yield _sentence(value, where, f"satisfy regular expression pattern: {pattern}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _outside(shape, value, value, where, "value")


def _outside(shape: Any, size: float, value: Any, where: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _sentence(value, where, f"have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _sentence(value, where, f"have {what} less than or equal to {most}")


def _sentence(value: Any, where: str, must: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{where}' failed to satisfy constraint: Member must {must}"


def _matches(pattern: str, value: str) -> bool | None:
    """Return None for a pattern that Python cannot read.

    Those name Unicode's classes (any letter, mark or punctuation) for tags and descriptions.
    """
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return None
