"""Callers of the AWS APIs: an access key stands for a role of the stack.

A function's key is its role's logical id; moto's Step Functions interpreter signs with a fixed
key; the operator has one too. Any other key is refused, as AWS refuses an unknown one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.policy import Role, read_role

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
        By logical id, which is also the access key.
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
        self._roles = roles
        self._interpreter = interpreter
        self._sessions = sessions or {}

    @classmethod
    def of_stack(cls, stack: Stack) -> Identities:
        """Read the roles of a stack, its state machines and its functions."""
        declared = stack.of_type("AWS::IAM::Role")
        by_arn = {role.arn: role.logical_id for role in declared}
        functions = stack.of_type("AWS::Lambda::Function")
        machines = stack.of_type("AWS::StepFunctions::StateMachine")
        return cls(
            {role.logical_id: read_role(role.name, role.properties) for role in declared},
            tuple(by_arn[each.properties["RoleArn"]] for each in machines),
            {by_arn[each.properties["Role"]]: each.name for each in functions},
        )

    def roles_of(self, access_key: str) -> Mapping[str, Role]:
        """Return the roles of a caller by logical id; none for the operator.

        Raises
        ------
        UnknownCaller
            For a key that belongs to nobody.
        """
        if access_key == OPERATOR_KEY:
            return {}
        if access_key == INTERPRETER_KEY:
            return {each: self._roles[each] for each in self._interpreter}
        if access_key not in self._roles:
            raise UnknownCaller(access_key)
        return {access_key: self._roles[access_key]}

    def session_arn(self, logical_id: str) -> str:
        """Return the ARN of a role's session, as AWS names a caller.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
        """
        name = self._roles[logical_id].name
        session = self._sessions.get(logical_id, "offline")
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
