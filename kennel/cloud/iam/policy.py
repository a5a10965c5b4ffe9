"""Evaluation of a role's policies and its permissions boundary by IAM's rules.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
(an explicit deny wins, then any allow, else an implicit deny). SageMaker compares resource ARNs
in lower case, so an endpoint named with capitals is denied by a policy that names it so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.conditions import Condition, Context, filled, matches
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
    """One statement of a policy.

    Attributes
    ----------
    actions, resources
        Patterns.
    other_actions, other_resources
        Whether the statement is about all but these: NotAction and NotResource.
    policy
        The name of its policy.
    """

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    other_actions: bool = False
    other_resources: bool = False
    policy: str = ""

    def concerns(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the actions and resources match a call; conditions are not compared."""
        named = any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
        patterns = (filled(pattern, context) for pattern in self.resources)
        on_these = any(each is not None and matches(each, resource) for each in patterns)
        return named != self.other_actions and on_these != self.other_resources

    def covers(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the statement applies to this call."""
        return self.concerns(action, resource, context) and all(
            each.holds(context) for each in self.conditions
        )


@dataclass(frozen=True)
class Role:
    """A role and the statements of its policies.

    Attributes
    ----------
    boundary
        Statements of its permissions boundary, which allow nothing and limit what the others do;
        None without one.
    trust
        Its trust policy.
    """

    name: str
    statements: tuple[Statement, ...]
    arn: str = ""
    boundary: tuple[Statement, ...] | None = None
    trust: Mapping[str, Any] = field(default_factory=dict)

    def evaluate(
        self,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Verdict:
        """Return whether the role allows `action` on the ARN `resource`, or denies it."""
        verdicts = [
            evaluate(each, action, resource, {"aws:PrincipalArn": self.arn, **(context or {})})[0]
            for each in (self.statements, self.boundary)
            if each is not None
        ]
        if "denied" in verdicts:
            return "denied"
        return "not allowed" if "not allowed" in verdicts else "allowed"

    def allows(
        self,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> bool:
        """Return whether the role allows `action` on the ARN `resource`."""
        return self.evaluate(action, resource, context) == "allowed"


def evaluate(
    statements: Sequence[Statement],
    action: str,
    resource: str,
    context: Mapping[str, str | Sequence[str]],
) -> tuple[Verdict, list[Statement]]:
    """Return the verdict of statements about a call, and the statements that decide it."""
    if action.startswith("sagemaker:"):
        resource = resource.lower()
    values = values_of(context)
    covering = [each for each in statements if each.covers(action, resource, values)]
    if denying := [each for each in covering if not each.allow]:
        return "denied", denying
    return ("allowed" if covering else "not allowed"), covering


def values_of(context: Mapping[str, str | Sequence[str]]) -> Context:
    """Return a call's context in the form that conditions compare, with the caller's account."""
    return {
        key.lower(): (value,) if isinstance(value, str) else value
        for key, value in {"aws:PrincipalAccount": ACCOUNT, **context}.items()
    }


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
        each
        for policy in properties.get("Policies", [])
        for each in read_policy(name, policy["PolicyDocument"], policy.get("PolicyName", ""))
    ]
    return Role(name, tuple(statements), trust=properties.get("AssumeRolePolicyDocument", {}))


def read_policy(role: str, document: Mapping[str, Any], policy: str = "") -> list[Statement]:
    """Read the statements of a policy of this name that a role has.

    Raises
    ------
    CannotStart
        For what this evaluator does not implement.
    """
    return [_statement(role, each, policy) for each in as_list(document["Statement"])]


def _statement(role: str, source: Mapping[str, Any], policy: str) -> Statement:
    if "Principal" in source:
        raise CannotStart(f"role {role} uses Principal, which only trust policies have")
    for name in ("Action", "Resource"):
        if {name, f"Not{name}"} <= set(source):
            raise CannotStart(
                f"role {role} has a statement with {name} and Not{name}, expected one"
            )
    return Statement(
        source["Effect"] == "Allow",
        tuple(as_list(source["NotAction" if "NotAction" in source else "Action"])),
        tuple(as_list(source["NotResource" if "NotResource" in source else "Resource"])),
        tuple(conditions_of(role, source)),
        other_actions="NotAction" in source,
        other_resources="NotResource" in source,
        policy=policy,
    )


def trusts(properties: Mapping[str, Any], service: str) -> bool:
    """Return whether the trust policy of an AWS::IAM::Role lets `service` assume it."""
    return assumable(properties["AssumeRolePolicyDocument"], "Service", {service})


def assumable(
    trust: Mapping[str, Any],
    kind: Literal["AWS", "Service"],
    principals: Collection[str],
    context: Mapping[str, str] | None = None,
) -> bool:
    """Return whether a trust policy lets one of these principals assume its role.

    Which resource a service acts for (aws:SourceArn) is not known, and not compared.
    """
    values = values_of({"aws:SourceAccount": ACCOUNT, **(context or {})})
    effects = set()
    for statement in as_list(trust["Statement"]):
        principal = statement.get("Principal", {})
        named = as_list(principal if isinstance(principal, str) else principal.get(kind, []))
        conditions = conditions_of("", statement)
        if (
            (set(named) & {*principals, "*"})
            and any(
                matches(action.lower(), "sts:assumerole") for action in as_list(statement["Action"])
            )
            and all(
                condition.holds(values)
                for condition in conditions
                if condition.key != "aws:sourcearn"
            )
        ):
            effects.add(statement["Effect"])
    return effects == {"Allow"}


def conditions_of(role: str, statement: Mapping[str, Any]) -> list[Condition]:
    """Read the conditions of a statement; CannotStart for an operator not evaluated here."""
    return [
        Condition.read(role, operator, key, values)
        for operator, pairs in statement.get("Condition", {}).items()
        for key, values in pairs.items()
    ]


def as_list(value: Any) -> list[Any]:
    """Return a policy's element, which may be one value or a list, as a list."""
    return value if isinstance(value, list) else [value]
