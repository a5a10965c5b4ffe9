"""May this role do that? The part of IAM's evaluation that Kennel's own roles use.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
(an explicit deny wins, then any allow, else an implicit deny). SageMaker compares resource ARNs
in lower case, so an endpoint named with capitals is denied by a policy that names it so.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kennel.errors import CannotStart

_CONDITION_OPERATORS = ("StringEquals", "StringLike", "Bool")


@dataclass(frozen=True)
class Statement:
    """One statement of a role's policies."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, tuple[str, ...]], ...]  # (key, accepted patterns)

    def covers(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Return whether the statement speaks of this call."""
        return (
            any(_matches(pattern.lower(), action.lower()) for pattern in self.actions)
            and any(_matches(pattern, resource) for pattern in self.resources)
            and all(
                any(_matches(pattern, context.get(key, "")) for pattern in accepted)
                for key, accepted in self.conditions
            )
        )


@dataclass(frozen=True)
class Role:
    """A role of the template, as the gateway enforces it."""

    name: str
    statements: tuple[Statement, ...]

    def may(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Return whether the role allows `action` on the ARN `resource`."""
        if action.startswith("sagemaker:"):
            resource = resource.lower()
        known = context or {}
        covering = [each for each in self.statements if each.covers(action, resource, known)]
        return bool(covering) and all(each.allow for each in covering)


def read_role(name: str, properties: Mapping[str, Any]) -> Role:
    """Read the inline policies of an AWS::IAM::Role.

    Raises
    ------
    CannotStart
        For what this evaluator does not implement, so that nothing is allowed by an oversight.
    """
    if properties.get("ManagedPolicyArns"):
        raise CannotStart(f"role {name} attaches managed policies: write its statements out")
    statements = [
        _statement(name, each)
        for policy in properties.get("Policies", [])
        for each in _as_list(policy["PolicyDocument"]["Statement"])
    ]
    return Role(name, tuple(statements))


def _statement(role: str, source: Mapping[str, Any]) -> Statement:
    if strange := {"NotAction", "NotResource", "Principal"} & set(source):
        raise CannotStart(f"role {role} uses {', '.join(strange)}, which is not evaluated offline")
    conditions = []
    for operator, pairs in source.get("Condition", {}).items():
        if operator not in _CONDITION_OPERATORS:
            raise CannotStart(f"role {role} uses the condition {operator}, unknown offline")
        conditions += [(key, tuple(map(str, _as_list(value)))) for key, value in pairs.items()]
    return Statement(
        source["Effect"] == "Allow",
        tuple(_as_list(source["Action"])),
        tuple(_as_list(source["Resource"])),
        tuple(conditions),
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, value: str) -> bool:
    """Match IAM's wildcards: * for any run of characters, ? for one."""
    parts: Iterable[str] = (
        ".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern
    )
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None
