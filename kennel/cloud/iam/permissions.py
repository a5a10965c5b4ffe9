"""Authorise each AWS API call by the IAM policies of the caller's role."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from kennel.cloud.iam.actions import ConfigOf, required_permissions
from kennel.cloud.iam.identity import OPERATOR_KEY, Identities, UnknownCaller
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall

#: Called with a role's logical id and a permission that it had and used.
OnAuthorised = Callable[[str, RequiredPermission], None]
#: Finds what a call needs by the present state of its service.
Dependent = Callable[[ApiCall], Awaitable[Sequence[RequiredPermission]]]


class AccessDenied(Exception):  # noqa: N818
    """The caller's role does not allow the call; the message is AWS's wording."""


async def _nothing() -> None:
    pass


class Authorizer:
    """Decides whether a caller's roles allow a call.

    Parameters
    ----------
    config_of
        Finds the name of the configuration that an endpoint has now.
    dependent
        By service: what a call needs beside its own permission, as things are now.
    on_authorised
        Called for every permission that a role, by its key, had and used.
    refresh
        Reads the roles again if IAM's API has changed them; awaited before a call is checked.
    """

    def __init__(
        self,
        identities: Identities,
        *,
        config_of: ConfigOf = lambda endpoint: endpoint,
        dependent: Mapping[str, Dependent] | None = None,
        on_authorised: OnAuthorised | None = None,
        refresh: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self.refresh = refresh
        self._identities = identities
        self._config_of = config_of
        self._dependent = dependent or {}
        self._on_authorised = on_authorised

    def identify(self, access_key: str) -> None:
        """Raise UnknownCaller for a key that belongs to nobody."""
        self._identities.roles_of(access_key)

    async def authorize(self, call: ApiCall) -> None:
        """Raise AccessDenied unless the caller has every permission that `call` needs.

        Raises
        ------
        UnknownCaller
            For a key that belongs to nobody.
        ServiceError
            For a call of which no table says what it needs, or that names no resource.
        """
        if call.access_key != OPERATOR_KEY or call.service != "iam":
            await self.refresh()
        if call.access_key == OPERATOR_KEY:
            return
        for permission in required_permissions(call, self._config_of):
            self.check(call.access_key, permission)
        if dependent := self._dependent.get(call.service):
            for permission in await dependent(call):
                self.check(call.access_key, permission)

    def check(self, access_key: str, permission: RequiredPermission) -> None:
        """Raise AccessDenied unless the caller has this permission.

        Raises
        ------
        UnknownCaller
            For a key that belongs to nobody.
        """
        if access_key == OPERATOR_KEY:
            return
        roles = self._identities.roles_of(access_key)
        verdicts = {
            name: role.evaluate(permission.action, permission.resource, permission.context)
            for name, role in roles.items()
        }
        allowed = [name for name, verdict in verdicts.items() if verdict == "allowed"]
        if not allowed:
            callers = " or ".join(map(self._identities.session_arn, roles))
            reason = (
                "with an explicit deny in an identity-based policy"
                if "denied" in verdicts.values()
                else f"because no identity-based policy allows the {permission.action} action"
            )
            raise AccessDenied(
                f"User: {callers} is not authorized to perform: {permission.action} "
                f"on resource: {permission.resource} {reason}"
            )
        if self._on_authorised:
            for name in allowed:
                self._on_authorised(self._identities.role_key(name), permission)

    def allows(self, access_key: str, permission: RequiredPermission) -> bool:
        """Return whether the caller has this permission; an unknown caller has none."""
        try:
            self.check(access_key, permission)
        except (AccessDenied, UnknownCaller):
            return False
        return True
