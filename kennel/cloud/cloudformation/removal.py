"""Delete resources of a stack, each before those that it needs."""

from kennel.cloud.cloudformation.recorder import OperationFailed, Recorder, reason_of
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.template import Resource, creation_order


class Removal:
    """Deletes resources of one stack."""

    def __init__(self, recorder: Recorder, resources: Resources) -> None:
        self._record = recorder
        self._stack = recorder.stack
        self._resources = resources

    def delete_stack(self, retain: tuple[str, ...] = (), *, keep: bool = True) -> list[str]:
        """Delete the stack; return the logical ids of the retained resources.

        Parameters
        ----------
        retain
            Logical ids to leave alone.
        keep
            False deletes what has a DeletionPolicy of Retain, too.

        Raises
        ------
        OperationFailed
            When resources cannot be deleted; others that they need remain, too.
        """
        self._record.set("DELETE_IN_PROGRESS", "User Initiated")
        kept: list[str] = []
        blocked: set[str] = set()
        failed: dict[str, str] = {}
        existing = self._stack.existing
        for logical_id in reversed(creation_order(existing)):
            resource = existing[logical_id]
            if logical_id in retain or (keep and resource.deletion_policy.startswith("Retain")):
                self._resources.leave(self._stack.id, logical_id)
                self._record.put(resource, "DELETE_SKIPPED")
                kept.append(logical_id)
            elif logical_id in blocked:
                blocked |= resource.needs
            elif reason := self.delete(resource):
                failed[logical_id] = reason
                blocked |= resource.needs
        if failed:
            names = ", ".join(failed)
            self._record.set(
                "DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]. "
            )
            name, reason = next(iter(failed.items()))
            raise OperationFailed(f"DELETE_FAILED: {name}: {reason}")
        self._record.set("DELETE_COMPLETE")
        return kept

    def delete(self, resource: Resource, on_create: bool = False) -> str:
        """Delete a resource; return the reason where that fails.

        Parameters
        ----------
        on_create
            Whether the operation that created it is taken back; Retain keeps it then, too.
        """
        if on_create and resource.deletion_policy == "Retain":
            self._resources.leave(self._stack.id, resource.logical_id)
            self._record.put(resource, "DELETE_SKIPPED")
            return ""
        self._record.put(resource, "DELETE_IN_PROGRESS")
        try:
            self._resources.delete(self._stack.id, resource)
        except Exception as error:
            self._record.put(resource, "DELETE_FAILED", reason_of(error))
            return reason_of(error)
        self._record.put(resource, "DELETE_COMPLETE")
        return ""
