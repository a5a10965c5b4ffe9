"""Who makes an AWS call, and may they?

Signatures are not checked: everything is on this machine. The access key says who calls. A
function's key is its role's logical id; moto's Step Functions interpreter signs with a fixed
key; the operator has one too. Anyone else is refused, as AWS refuses an unknown key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.policy import Role

OPERATOR_KEY = "kennel-operator"
INTERPRETER_KEY = "ak"  # moto/stepfunctions/parser/asl/utils/boto_client.py

_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Signature:
    """The part of an AWS signature that says who calls what."""

    access_key: str
    service: str

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> "Signature | None":
        """Return what the Authorization header says; None for a request that AWS did not sign."""
        match = _CREDENTIAL.match(headers.get("authorization", ""))
        return cls(*match.groups()) if match else None


class UnknownCaller(Exception):  # noqa: N818
    """The access key belongs to nobody."""


class AccessDenied(Exception):  # noqa: N818
    """The caller's role does not allow the call; the message is AWS's wording."""


class Access:
    """Decides by the roles of the template.

    Parameters
    ----------
    roles
        By logical id, which is also the access key.
    interpreter
        Roles of the state machines. The interpreter signs all its calls with one key, so it may
        do what any of them may.
    sessions
        The name of the session in which a role is assumed: a function's own name, as on AWS.

    Attributes
    ----------
    witness
        Told of every call that a role made and was allowed: role, action, resource, context.
    """

    witness: ClassVar[Callable[[str, str, str, Mapping[str, str | Sequence[str]]], None] | None] = (
        None
    )

    def __init__(
        self,
        roles: Mapping[str, Role],
        interpreter: tuple[str, ...],
        sessions: Mapping[str, str] | None = None,
    ) -> None:
        self._roles = roles
        self._sessions = sessions or {}
        self._interpreter = interpreter

    def identify(self, access_key: str) -> None:
        """Raise UnknownCaller for a key that belongs to nobody."""
        if access_key not in {OPERATOR_KEY, INTERPRETER_KEY, *self._roles}:
            raise UnknownCaller(access_key)

    def check(
        self,
        access_key: str,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        """Raise AccessDenied unless the caller may do `action` on the ARN `resource`."""
        self.identify(access_key)
        if access_key == OPERATOR_KEY:
            return
        ids = self._roles_of(access_key)
        judged = {each: self._roles[each].judge(action, resource, context) for each in ids}
        verdicts = set(judged.values())
        if Access.witness:
            for each in ids:
                if judged[each] == "allowed":
                    Access.witness(each, action, resource, context or {})
        if "allowed" not in verdicts:
            who = " or ".join(map(self._principal, ids))
            why = (
                "with an explicit deny in an identity-based policy"
                if "denied" in verdicts
                else f"because no identity-based policy allows the {action} action"
            )
            raise AccessDenied(
                f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
            )

    def may(
        self,
        access_key: str,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]] | None = None,
    ) -> bool:
        """Return whether the caller may do `action` on the ARN `resource`."""
        try:
            self.check(access_key, action, resource, context)
        except AccessDenied:
            return False
        return True

    def _roles_of(self, access_key: str) -> tuple[str, ...]:
        return self._interpreter if access_key == INTERPRETER_KEY else (access_key,)

    def _principal(self, logical_id: str) -> str:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns."""
        name = self._roles[logical_id].name
        session = self._sessions.get(logical_id, "offline")
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"
