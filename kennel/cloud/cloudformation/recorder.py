"""Store the statuses of a stack and its resources during an operation, and its events."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.cloudformation.changes import ChangeRefused
from kennel.cloud.cloudformation.stack_state import StackResource, StackState, StackStore, now
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import KennelError

#: What a resource's operation fails with by itself; anything else is a fault of the cloud.
_EXPECTED = (ClientError, BotoCoreError, KennelError, ChangeRefused, RuntimeError)

_log = logging.getLogger(__name__)


class OperationFailed(KennelError):  # noqa: N818
    """A resource could not be created, updated or deleted; the message says which and why."""


class Recorder:
    """Writes to a stack's state, and stores it."""

    def __init__(self, stack: StackState, store: StackStore) -> None:
        self.stack = stack
        self._store = store

    def set(self, status: str, reason: str = "") -> None:
        """Set the stack's status, with an event, and store it."""
        stack = self.stack
        stack.status, stack.reason = status, reason
        if status == "DELETE_COMPLETE":
            stack.deleted = now()
        elif status == "UPDATE_IN_PROGRESS":
            stack.updated = now()
        stack.add_own_event(reason)
        self._store.save(stack)
        if not stack.is_busy:
            self._store.save_events(stack)

    def put(self, resource: Resource, status: str, reason: str = "") -> None:
        """Store the new status of a resource, and add a stack event that says so."""
        self._store.put(self.stack, StackResource(resource, status, reason))
        self.event(resource, resource.logical_id, status, reason)

    def keep(self, resource: Resource, status: str) -> None:
        """Store the new status of a resource, without a stack event."""
        self._store.put(self.stack, StackResource(resource, status))

    def forget(self, logical_id: str) -> None:
        """Remove a resource from the stack."""
        self._store.forget(self.stack, logical_id)

    def event(
        self,
        resource: Resource | None,
        logical_id: str,
        status: str,
        reason: str = "",
        *,
        resource_type: str = "",
    ) -> None:
        """Add a stack event of a resource, whose type is given where it does not exist yet."""
        type_name = resource.type if resource else resource_type
        name = resource.name if resource else ""
        self.stack.add_event(logical_id, name, type_name, status, reason)


def reason_of(error: Exception) -> str:
    """Return why a resource's operation failed; a fault of the cloud itself is logged, too."""
    if isinstance(error, _EXPECTED):
        return str(error)
    _log.exception("a resource's operation broke off")
    return f"the offline cloud failed over it: {error!r}"
