"""Who makes an AWS call, and may they?

Signatures are not checked: everything is on this machine. The access key says who calls. A
function's key is its role's logical id; moto's Step Functions interpreter signs with a fixed
key; the operator has one too. Anyone else is refused, as AWS refuses an unknown key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kennel.cloud.policy import Role

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
    """

    def __init__(self, roles: Mapping[str, Role], interpreter: tuple[str, ...]) -> None:
        self._roles = roles
        self._interpreter = tuple(roles[name] for name in interpreter)

    def identify(self, access_key: str) -> None:
        """Raise UnknownCaller for a key that belongs to nobody."""
        if access_key not in {OPERATOR_KEY, INTERPRETER_KEY, *self._roles}:
            raise UnknownCaller(access_key)

    def check(
        self,
        access_key: str,
        action: str,
        resource: str,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Raise AccessDenied unless the caller may do `action` on the ARN `resource`."""
        self.identify(access_key)
        if access_key == OPERATOR_KEY:
            return
        if access_key == INTERPRETER_KEY:
            roles = self._interpreter
        else:
            roles = (self._roles[access_key],)
        if not any(role.may(action, resource, context) for role in roles):
            who = " or ".join(role.name for role in roles)
            raise AccessDenied(
                f"User: {who} is not authorized to perform: {action} on resource: {resource} "
                f"because no identity-based policy allows the {action} action"
            )
