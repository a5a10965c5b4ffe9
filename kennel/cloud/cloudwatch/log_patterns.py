"""CloudWatch Logs' filter patterns: terms, regular expressions, and comparisons of JSON members.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from kennel.cloud.runtime.errors import ServiceError, not_implemented

#: Returns whether a message matches.
Matches = Callable[[str], bool]

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"%]+))(?:\s+|$)')
_COMPARISON = re.compile(
    r'\s*\$((?:\.\w+|\[\d+\]|\[?["\'][^"\']+["\']\]?)+)\s*'
    r'(?:(!=|>=|<=|=|>|<)\s*("[^"]*"|%[^%]+%|[^\s"()&|]+)|(IS NULL|IS TRUE|IS FALSE|NOT EXISTS))\s*'
)
_PART = re.compile(r"\.?(\w+)|\[(\d+)\]")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_ABSENT = object()


def read_pattern(pattern: str) -> Matches:
    """Read a filter pattern; an empty one matches every message.

    Raises
    ------
    ServiceError
        For a pattern that cannot be read, or of a kind that is not evaluated.
    """
    text = pattern.strip()
    if text.startswith("["):
        raise not_implemented("filter patterns of space-delimited fields, [...], are not evaluated")
    if text.startswith("{"):
        return _read_json(text)
    return _read_terms(text)


def _read_terms(text: str) -> Matches:
    required: list[Matches] = []
    optional: list[Matches] = []
    end = 0
    for term in _TERM.finditer(text):
        if term.start() != end:
            raise _invalid(text)
        end = term.end()
        matches = _term(term[2], term[3], term[4])
        if term[1] == "?":
            optional.append(matches)
        elif term[1] == "-":
            required.append(lambda message, matches=matches: not matches(message))  # type: ignore[misc]
        else:
            required.append(matches)
    if end != len(text):
        raise _invalid(text)
    # A term that must match makes the optional ones irrelevant, as on AWS.
    if optional and not required:
        return lambda message: any(each(message) for each in optional)
    return lambda message: all(each(message) for each in required)


def _term(quoted: str | None, expression: str | None, bare: str | None) -> Matches:
    if expression is not None:
        return _regular(expression)
    wanted = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else str(bare)
    return lambda message: wanted in message


def _regular(expression: str) -> Matches:
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise _invalid(expression) from error
    return lambda message: compiled.search(message) is not None


def _read_json(text: str) -> Matches:
    if not text.endswith("}"):
        raise _invalid(text)
    if "(" in text:
        raise not_implemented("filter patterns with brackets, ( and ), are not evaluated")
    alternatives = [
        [_comparison(each, text) for each in alternative.split("&&")]
        for alternative in text[1:-1].split("||")
    ]

    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return any(all(each(document) for each in alternative) for alternative in alternatives)

    return matches


def _comparison(text: str, pattern: str) -> Callable[[Any], bool]:
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise _invalid(pattern)
    path, compared, wanted, state = match.groups()
    if state:
        value_of_state = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}
        return lambda document: _member(document, path) is value_of_state.get(state, _ABSENT)
    if compared not in {"=", "!="} and not _is_number(wanted):
        raise _invalid(pattern)

    def holds(document: Any) -> bool:
        value = _member(document, path)
        if value is _ABSENT:
            return False
        if _is_number(wanted):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return _ORDER[compared](value, float(wanted)) if is_number else compared == "!="
        if wanted.startswith("%"):
            same = _regular(wanted.strip("%"))(str(value))
        else:
            same = isinstance(value, str) and fnmatchcase(value, _glob(wanted.strip('"')))
        return same == (compared == "=")

    return holds


def _glob(wanted: str) -> str:
    """Return a pattern in which * alone is special."""
    return re.sub(r"[\[?]", lambda match: f"[{match[0]}]", wanted)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?", text) is not None


def _member(document: Any, path: str) -> Any:
    for name, index in _PART.findall(path):
        if name and isinstance(document, dict):
            document = document.get(name, _ABSENT)
        elif index and isinstance(document, list) and int(index) < len(document):
            document = document[int(index)]
        else:
            return _ABSENT
    return document


def _invalid(pattern: str) -> ServiceError:
    return ServiceError("InvalidParameterException", f"Invalid filter pattern: {pattern}")
