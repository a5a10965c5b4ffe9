"""Conditions of IAM statements: the operators that compare text, numbers, ARNs and absence.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
Dates, addresses and binaries are not evaluated: a role that uses them stops the start.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kennel.errors import CannotStart

_VARIABLE = re.compile(r"\$\{([^},]+?)(?:,\s*'([^']*)')?\}")

#: Condition key in lower case -> the call's value or values.
Context = Mapping[str, Sequence[str]]


def matches(pattern: str, value: str) -> bool:
    """Match IAM's wildcards: * for any run of characters, ? for one."""
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def filled(pattern: str, context: Context) -> str | None:
    """Fill the policy variables of a pattern; None where the call has no value for one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    absent = False

    def value(match: re.Match[str]) -> str:
        nonlocal absent
        values = context.get(match[1].strip().lower(), ())
        absent |= len(values) != 1 and match[2] is None
        return values[0] if len(values) == 1 else match[2] or ""

    text = _VARIABLE.sub(value, pattern)
    return None if absent else text


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(wanted: str, value: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:  # one of them is no number
            return False

    return compared


#: Operator -> whether a value of the call matches one of the policy's values.
_MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": _number(operator.eq),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


@dataclass(frozen=True)
class Condition:
    """One operator, one key, and the values that the policy names."""

    operator: str
    key: str
    wanted: tuple[str, ...]

    @classmethod
    def read(cls, role: str, name: str, key: str, values: Any) -> "Condition":
        """Read one pair of a Condition block; CannotStart for an operator not evaluated here."""
        quantifier, _, base = name.removesuffix("IfExists").rpartition(":")
        supported = base in _MATCHERS or base in _NEGATED or base == "Null"
        if not supported or quantifier not in {"", "ForAnyValue", "ForAllValues"}:
            raise CannotStart(f"role {role} uses the condition {name}, unknown offline")
        listed = values if isinstance(values, list) else [values]
        texts = (str(each).lower() if isinstance(each, bool) else str(each) for each in listed)
        return cls(name, key.lower(), tuple(texts))

    def holds(self, context: Context) -> bool:
        """Return whether the condition holds for a call."""
        values = context.get(self.key, ())
        base = self.operator.removesuffix("IfExists").rpartition(":")[2]
        if base == "Null":
            return str(not values).lower() in {each.lower() for each in self.wanted}
        negated = base in _NEGATED
        matcher = _MATCHERS[_NEGATED.get(base, base)]
        wanted = [
            each for each in (filled(text, context) for text in self.wanted) if each is not None
        ]
        verdicts = [any(matcher(each, value) for each in wanted) != negated for value in values]
        if self.operator.startswith("ForAllValues:"):
            return all(verdicts)  # also without a value
        if not verdicts:
            absence_matches = negated or self.operator.endswith("IfExists")
            return absence_matches and not self.operator.startswith("ForAnyValue:")
        return any(verdicts) if self.operator.startswith("ForAnyValue:") else all(verdicts)
