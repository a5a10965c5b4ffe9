"""The values of a template's parameters: given ones, defaults, and their checks."""

import re
from collections.abc import Mapping
from typing import Any

from kennel.errors import CannotStart

#: Types whose value names a parameter of Systems Manager, which holds the value.
_IN_SSM = "AWS::SSM::Parameter::Value<"


def parameter_values(source: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the values of all parameters of a template.

    Raises
    ------
    CannotStart
        For a parameter that is unknown, has neither value nor default, or a value that its
        declaration does not allow.
    """
    declared = source.get("Parameters") or {}
    if unknown := sorted(set(overrides) - set(declared)):
        raise CannotStart(
            f"unknown template parameter {', '.join(unknown)}: known are {', '.join(declared)}"
        )
    values = {}
    for name, spec in declared.items():
        value = overrides.get(name, spec.get("Default"))
        if value is None:
            raise CannotStart(f"the template parameter {name} has no default: give it a value")
        values[name] = str(value)
        _check(name, values[name], spec)
    return values


def names_in_ssm(source: Mapping[str, Any]) -> list[str]:
    """Return the parameters whose value is the name of one of Systems Manager's."""
    declared = source.get("Parameters") or {}
    return [name for name, spec in declared.items() if str(spec.get("Type")).startswith(_IN_SSM)]


def _check(name: str, value: str, spec: Mapping[str, Any]) -> None:
    """Check a parameter's value against its allowed values, pattern, length and range."""
    problem = ""
    allowed = [str(item) for item in spec.get("AllowedValues", [])]
    shortest = int(spec.get("MinLength", 0))
    longest = int(spec.get("MaxLength", len(value)))
    if allowed and value not in allowed:
        problem = f"expected one of {', '.join(allowed)}"
    elif "AllowedPattern" in spec and not re.fullmatch(spec["AllowedPattern"], value):
        problem = spec.get("ConstraintDescription", f"expected {spec['AllowedPattern']}")
    elif not shortest <= len(value) <= longest:
        problem = f"expected {shortest} to {longest} characters"
    elif spec.get("Type") == "Number":
        low, high = spec.get("MinValue", float("-inf")), spec.get("MaxValue", float("inf"))
        try:
            inside = float(low) <= float(value) <= float(high)
        except ValueError:
            inside = False
        problem = "" if inside else f"expected a number from {low} to {high}"
    if problem:
        raise CannotStart(f"template parameter {name} is {value!r}: {problem}")
