"""Callers of the AWS APIs: an access key stands for a role.

The key of a template's role is its logical id (if no other stack has it), that of any other role
its unique id, and a session of AssumeRole has one of its own; moto's Step Functions interpreter
signs with a fixed key; the operator has one too. Any other key is refused, as AWS refuses an
unknown one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.policy import Role, assumable

if TYPE_CHECKING:
    from kennel.cloud.cloudformation.deployed import DeployedResources

OPERATOR_KEY = "kennel-operator"
INTERPRETER_KEY = "ak"  # moto/stepfunctions/parser/asl/utils/boto_client.py


class UnknownCaller(Exception):  # noqa: N818
    """The access key is neither the operator's nor that of a role or its session."""


class Identities:
    """The roles that each access key stands for.

    Parameters
    ----------
    roles
        By access key.
    deployed
        Has the roles of templates; None where there are none.
    """

    def __init__(
        self, roles: Mapping[str, Role], deployed: DeployedResources | None = None
    ) -> None:
        self._roles = self._existing = dict(roles)
        self._deployed = deployed
        self._version = 0  # of what is deployed, when the keys were given
        self._sessions: dict[str, str] = {}
        self._assumed: dict[str, str] = {}  # the key of a session -> the ARN of its role
        #: ARNs of the state machines' roles. The interpreter signs all its calls with one key, so
        #: it has what any of them allows.
        self.interpreter: set[str] = set()

    def update(self, existing: Mapping[str, Role]) -> None:
        """Take the roles that exist, by unique id; a template's has its logical id as its key."""
        self._existing = dict(existing)
        self._give_keys()

    def _give_keys(self) -> None:
        declared: dict[str, str] = {}
        if self._deployed:
            self._version = self._deployed.version
            for each in self._deployed.of_type("AWS::IAM::Role"):
                if each.logical_id not in declared.values():
                    declared[each.arn] = each.logical_id
        self._roles = {declared.get(role.arn, id_): role for id_, role in self._existing.items()}

    def _current(self) -> dict[str, Role]:
        """Return the roles by access key, as the stacks are now."""
        if self._deployed and self._deployed.version != self._version:
            self._give_keys()
        return self._roles

    def key_of(self, arn: str) -> str | None:
        """Return the access key of the role of this ARN; None when there is no such role."""
        return next((key for key, role in self._current().items() if role.arn == arn), None)

    def assumable_by(self, service: str, arn: str) -> str | None:
        """Return the access key of a role that a service may assume; None for any other."""
        key = self.key_of(arn)
        return key if key and assumable(self._current()[key].trust, "Service", {service}) else None

    def start_session(self, access_key: str, role_key: str, name: str) -> None:
        """Let an access key stand for a role, in a session of this name."""
        self._assumed[access_key] = self._current()[role_key].arn
        self._sessions[access_key] = name

    def start_function_session(self, role_arn: str, function: str) -> str | None:
        """Return an access key for a function's environments; None where it may not have one."""
        role_key = self.assumable_by("lambda.amazonaws.com", role_arn)
        if role_key is None:
            return None
        access_key = secrets.token_hex(10)
        self.start_session(access_key, role_key, function)
        return access_key

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
            roles = self._current().items()
            return {key: role for key, role in roles if role.arn in self.interpreter}
        return {access_key: self._current()[self.role_key(access_key)]}

    def role_key(self, access_key: str) -> str:
        """Return the key of the role that a key stands for, its own or that of a session.

        Raises
        ------
        UnknownCaller
            For a key that belongs to no role.
        """
        key = self.key_of(self._assumed[access_key]) if access_key in self._assumed else access_key
        if key is None or key not in self._current():
            raise UnknownCaller(access_key)
        return key

    def session_arn(self, access_key: str) -> str:
        """Return the ARN of a role's session, as AWS names a caller.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
        """
        name = self._current()[self.role_key(access_key)].name
        session = self._sessions.get(access_key, "offline")
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
