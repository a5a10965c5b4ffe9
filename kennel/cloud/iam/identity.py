"""Callers of the AWS APIs: an access key stands for a role.

The key of a template's role is its logical id, that of any other role its unique id, and a session
of AssumeRole has one of its own; moto's Step Functions interpreter signs with a fixed key; the
operator has one too. Any other key is refused, as AWS refuses an unknown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.policy import Role, assumable, read_role

if TYPE_CHECKING:
    from kennel.cloud.cloudformation.template import Stack

OPERATOR_KEY = "kennel-operator"
INTERPRETER_KEY = "ak"  # moto/stepfunctions/parser/asl/utils/boto_client.py


class UnknownCaller(Exception):  # noqa: N818
    """The access key belongs to nobody."""


class Identities:
    """The roles that each access key stands for.

    Parameters
    ----------
    roles
        By access key: a template's by logical id.
    interpreter
        Roles of the state machines. The interpreter signs all its calls with one key, so it has
        what any of them allows.
    sessions
        The name of the session in which a role is assumed: a function's own name, as on AWS.
    """

    def __init__(
        self,
        roles: Mapping[str, Role],
        interpreter: tuple[str, ...] = (),
        sessions: Mapping[str, str] | None = None,
    ) -> None:
        self._roles = dict(roles)
        self._declared = {role.arn: key for key, role in roles.items()}
        self._awaited = set(roles)  # roles of the template that are not created yet
        self._interpreter = interpreter
        self._sessions = dict(sessions or {})
        self._assumed: dict[str, str] = {}  # the key of a session -> that of its role

    @classmethod
    def of_stack(cls, stack: Stack) -> Identities:
        """Read the roles of a stack, its state machines and its functions."""
        declared = stack.of_type("AWS::IAM::Role")
        by_arn = {role.arn: role.logical_id for role in declared}
        functions = stack.of_type("AWS::Lambda::Function")
        machines = stack.of_type("AWS::StepFunctions::StateMachine")
        roles = {
            role.logical_id: replace(read_role(role.name, role.properties), arn=role.arn)
            for role in declared
        }
        return cls(
            roles,
            tuple(by_arn[each.properties["RoleArn"]] for each in machines),
            {by_arn[each.properties["Role"]]: each.name for each in functions},
        )

    def update(self, existing: Mapping[str, Role]) -> None:
        """Take the roles that exist, by unique id; a template's keeps its logical id as its key."""
        found = {self._declared.get(role.arn, id_): role for id_, role in existing.items()}
        self._awaited -= set(found)
        self._roles = {key: self._roles[key] for key in self._awaited} | found

    def key_of(self, arn: str) -> str | None:
        """Return the access key of the role of this ARN; None when there is no such role."""
        return next((key for key, role in self._roles.items() if role.arn == arn), None)

    def assumable_by(self, service: str, arn: str) -> str | None:
        """Return the access key of a role that a service may assume; None for any other."""
        key = self.key_of(arn)
        return key if key and assumable(self._roles[key].trust, "Service", {service}) else None

    def start_session(self, access_key: str, role_key: str, name: str) -> None:
        """Let an access key stand for a role, in a session of this name."""
        self._assumed[access_key] = role_key
        self._sessions[access_key] = name

    def roles_of(self, access_key: str) -> Mapping[str, Role]:
        """Return a caller's roles by access key of the role or its session; {} for the operator.

        Raises
        ------
        UnknownCaller
            For a key that belongs to nobody.
        """
        if access_key == OPERATOR_KEY:
            return {}
        if access_key == INTERPRETER_KEY:
            return {each: self._roles[each] for each in self._interpreter if each in self._roles}
        role_key = self._assumed.get(access_key, access_key)
        if role_key not in self._roles:
            raise UnknownCaller(access_key)
        return {access_key: self._roles[role_key]}

    def session_arn(self, access_key: str) -> str:
        """Return the ARN of a role's session, as AWS names a caller.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
        """
        name = self._roles[self._assumed.get(access_key, access_key)].name
        session = self._sessions.get(access_key, "offline")
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
