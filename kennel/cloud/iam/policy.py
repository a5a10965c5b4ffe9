"""Evaluation of a role's inline policies: the part of IAM's rules that SAM templates use.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
(an explicit deny wins, then any allow, else an implicit deny). SageMaker compares resource ARNs
in lower case, so an endpoint named with capitals is denied by a policy that names it so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.conditions import Condition, Context, matches
from kennel.errors import CannotStart

Verdict = Literal["allowed", "denied", "not allowed"]


@dataclass(frozen=True)
class RequiredPermission:
    """One permission that a call needs: an action on an ARN, and what its conditions may compare.

    Attributes
    ----------
    context
        Condition key -> its value or values.
    """

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """One statement of a role's policies."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def covers(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the statement applies to this call."""
        return (
            any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
            and any(matches(pattern, resource) for pattern in self.resources)
            and all(each.holds(context) for each in self.conditions)
        )


@dataclass(frozen=True)
class Role:
    """A role of the template and the statements of its inline policies."""

    name: str
    statements: tuple[Statement, ...]

    def evaluate(
        self,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Verdict:
        """Return whether the role allows `action` on the ARN `resource`, or denies it."""
        if action.startswith("sagemaker:"):
            resource = resource.lower()
        values = {
            key.lower(): (value,) if isinstance(value, str) else value
            for key, value in (context or {}).items()
        }
        covering = [each for each in self.statements if each.covers(action, resource, values)]
        if not all(each.allow for each in covering):
            return "denied"
        return "allowed" if covering else "not allowed"

    def allows(
        self,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> bool:
        """Return whether the role allows `action` on the ARN `resource`."""
        return self.evaluate(action, resource, context) == "allowed"


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


def trusts(properties: Mapping[str, Any], service: str) -> bool:
    """Return whether the trust policy of an AWS::IAM::Role lets `service` assume it.

    The service sends this account as aws:SourceAccount. Conditions on aws:SourceArn are taken as
    met: which resource the service acts for is not known here.
    """
    statements = _as_list(properties["AssumeRolePolicyDocument"]["Statement"])
    context = {"aws:sourceaccount": (ACCOUNT,)}
    return any(
        service in _as_list(each["Principal"].get("Service", []))
        and all(
            condition.key == "aws:sourcearn" or condition.holds(context)
            for condition in _conditions("", each)
        )
        for each in statements
    )


def _statement(role: str, source: Mapping[str, Any]) -> Statement:
    if unsupported := {"NotAction", "NotResource", "Principal"} & set(source):
        names = ", ".join(sorted(unsupported))
        raise CannotStart(f"role {role} uses {names}, which is not evaluated offline")
    resources = tuple(_as_list(source["Resource"]))
    if variables := [each for each in resources if "${" in each]:
        raise CannotStart(f"role {role} uses policy variables, unknown offline: {variables[0]}")
    return Statement(
        source["Effect"] == "Allow",
        tuple(_as_list(source["Action"])),
        resources,
        tuple(_conditions(role, source)),
    )


def _conditions(role: str, source: Mapping[str, Any]) -> list[Condition]:
    return [
        Condition.read(role, operator, key, values)
        for operator, pairs in source.get("Condition", {}).items()
        for key, values in pairs.items()
    ]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
