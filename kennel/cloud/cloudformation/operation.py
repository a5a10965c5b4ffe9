"""Create, update and delete a stack: resource by resource, with events, and back on a failure."""

import functools
import logging
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.cloudformation.changes import Change, ChangeRefused, change_of
from kennel.cloud.cloudformation.names import Created
from kennel.cloud.cloudformation.provider import Answers
from kennel.cloud.cloudformation.resource_types import is_custom
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.stack_state import StackResource, StackState, StackStore, now
from kennel.cloud.cloudformation.template import Resource, Template
from kennel.errors import KennelError

#: What a resource's operation fails with by itself; anything else is a fault of the cloud.
_EXPECTED = (ClientError, BotoCoreError, KennelError, ChangeRefused, RuntimeError)
_log = logging.getLogger(__name__)

Outputs = dict[str, dict[str, str]]


class OperationFailed(KennelError):  # noqa: N818
    """A resource could not be created, updated or deleted; the message says which and why."""


class Interrupted(BaseException):
    """The cloud ends: the next start finds the stack in the midst of its operation."""


class StackOperation:
    """One operation on a stack.

    Parameters
    ----------
    stack
        Changed while the operation goes on.
    template
        What the stack is to be; None for a deletion.
    check_outputs
        Raises KennelError for outputs that a stack cannot have.
    adopt
        Take over resources that exist already, and create those that are gone: a start of the
        cloud does, where the last one may have been killed at any moment.
    """

    def __init__(
        self,
        stack: StackState,
        template: Template | None,
        resources: Resources,
        store: StackStore,
        check_outputs: Callable[[Outputs], None] = lambda outputs: None,
        *,
        adopt: bool = False,
    ) -> None:
        self._stack = stack
        self._template = template
        self._resources = resources
        self._store = store
        self._check_outputs = check_outputs
        self._adopt = adopt
        self._answers: Answers = {}
        self._undo: list[tuple[Resource, Callable[[], None]]] = []
        self._replaced: list[Resource] = []

    def create(self, on_failure: str = "ROLLBACK") -> None:
        """Create the stack.

        Parameters
        ----------
        on_failure
            ROLLBACK, DELETE or DO_NOTHING.

        Raises
        ------
        OperationFailed
            When a resource cannot be created; what was created is deleted by then.
        """
        self._set("CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply({})
        except OperationFailed as error:
            self._give_up_creation(on_failure, str(error))
            raise
        self._set("CREATE_COMPLETE")

    def update(self) -> None:
        """Update the stack.

        Raises
        ------
        OperationFailed
            When a resource cannot be changed; what was changed is as before by then.
        """
        stack = self._stack
        before = stack.existing
        outputs, generations = dict(stack.outputs), dict(stack.generations)
        self._set("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply(before)
        except OperationFailed as error:
            self._set("UPDATE_ROLLBACK_IN_PROGRESS", str(error))
            complete = self._roll_back()
            stack.outputs, stack.generations = outputs, generations
            if complete:
                self._set("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._set("UPDATE_ROLLBACK_COMPLETE" if complete else "UPDATE_ROLLBACK_FAILED")
            raise
        self._set("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(before)
        self._set("UPDATE_COMPLETE")

    def delete(self, retain: tuple[str, ...] = (), *, keep: bool = True) -> list[str]:
        """Delete the stack; return the logical ids of resources that remain on purpose.

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
        self._set("DELETE_IN_PROGRESS", "User Initiated")
        kept: list[str] = []
        blocked: set[str] = set()
        failed: dict[str, str] = {}
        for logical_id in reversed(by_needs(self._stack.existing)):
            resource = self._stack.existing[logical_id]
            if logical_id in retain or (keep and resource.deletion_policy.startswith("Retain")):
                self._resources.leave(self._stack.id, logical_id)
                self._put(resource, "DELETE_SKIPPED")
                kept.append(logical_id)
            elif logical_id in blocked:
                blocked |= resource.needs
            elif reason := self._delete(resource):
                failed[logical_id] = reason
                blocked |= resource.needs
        if failed:
            names = ", ".join(failed)
            self._set("DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]. ")
            name, reason = next(iter(failed.items()))
            raise OperationFailed(f"DELETE_FAILED: {name}: {reason}")
        self._set("DELETE_COMPLETE")
        return kept

    def _apply(self, before: Mapping[str, Resource]) -> None:
        template, stack = self._template, self._stack
        assert template  # noqa: S101 - only deletions have none
        for logical_id, resource in before.items():
            if logical_id in template.declared:
                template.created[logical_id] = Created(
                    resource.name, resource.attributes, stack.generations.get(logical_id, 0)
                )
        try:
            order = template.in_order()
        except KennelError as error:
            raise OperationFailed(str(error)) from error
        for logical_id in order:
            try:
                change = change_of(template, before.get(logical_id), logical_id)
            except Exception as error:
                status = "UPDATE_FAILED" if logical_id in before else "CREATE_FAILED"
                self._event(before.get(logical_id), logical_id, status, _reason(error))
                raise OperationFailed(f"{logical_id}: {_reason(error)}") from error
            self._make(change)
        try:
            outputs = template.outputs()
            self._check_outputs(outputs)
        except KennelError as error:
            raise OperationFailed(str(error)) from error
        stack.outputs = outputs

    def _make(self, change: Change) -> None:
        """Create, change or leave one resource."""
        if self._resources.ending.is_set():
            raise Interrupted
        before, resource = change.before, change.resource
        if before is None or change.replacing:
            created = self._create(resource)
            if before:
                self._replaced.append(before)
                self._undo.append((before, lambda: self._put_back(created, before)))
            else:
                self._undo.append((created, lambda: self._take_away(created)))
        elif change.properties:
            self._update(before, resource)
        elif change.action == "None" and self._adopt and not self._is_there(resource):
            self._create(resource)
        else:
            self._note(resource, self._stack.resources[resource.logical_id].status)

    def _is_there(self, resource: Resource) -> bool:
        return self._resources.exists(resource, self._answers)

    def _create(self, resource: Resource) -> Resource:
        logical_id = resource.logical_id
        self._event(None, logical_id, "CREATE_IN_PROGRESS", resource_type=resource.type)
        try:
            takes_over = self._adopt and self._can_be_adopted(resource)
            make = self._resources.adopt if takes_over else self._resources.create
            created = make(self._stack.id, resource)
        except Exception as error:
            self._event(resource, logical_id, "CREATE_FAILED", _reason(error))
            message = f"{logical_id} ({resource.type}) cannot be created: {_reason(error)}"
            raise OperationFailed(message) from error
        self._note(created, "CREATE_COMPLETE")
        self._event(created, logical_id, "CREATE_COMPLETE")
        return created

    def _can_be_adopted(self, resource: Resource) -> bool:
        """Return whether a resource is there under the name that it would get."""
        return not is_custom(resource.type) and self._resources.has_by_name(resource, self._answers)

    def _update(self, before: Resource, after: Resource) -> None:
        logical_id, stack_id = after.logical_id, self._stack.id
        self._event(before, logical_id, "UPDATE_IN_PROGRESS")
        self._undo.append((before, functools.partial(self._change_back, after, before)))
        try:
            changed = self._resources.update(stack_id, before, after)
        except Exception as error:
            self._event(before, logical_id, "UPDATE_FAILED", _reason(error))
            message = f"{logical_id} ({after.type}) cannot be updated: {_reason(error)}"
            raise OperationFailed(message) from error
        self._undo[-1] = (before, functools.partial(self._change_back, changed, before))
        if changed.name != before.name:  # a custom resource's: the old one is to be deleted
            self._replaced.append(before)
        self._note(changed, "UPDATE_COMPLETE")
        self._event(changed, logical_id, "UPDATE_COMPLETE")

    def _note(self, resource: Resource, status: str) -> None:
        """Record a resource as it is now, for the stack and for what refers to it."""
        assert self._template  # noqa: S101 - only deletions have none
        logical_id = resource.logical_id
        known = self._template.created.get(logical_id, Created())
        self._template.created[logical_id] = Created(
            resource.name, resource.attributes, known.generation
        )
        if known.generation:
            self._stack.generations[logical_id] = known.generation
        self._store.put(self._stack, StackResource(resource, status))

    def _roll_back(self) -> bool:
        """Undo what was done, the last first; return whether all of it could be."""
        complete = True
        for resource, undo in reversed(self._undo):
            try:
                undo()
            except Exception as error:
                complete = False
                self._event(resource, resource.logical_id, "UPDATE_FAILED", _reason(error))
        return complete

    def _take_away(self, created: Resource) -> None:
        if reason := self._delete(created, on_create=True):
            raise RuntimeError(reason)
        self._store.forget(self._stack, {created.logical_id: created})

    def _put_back(self, created: Resource, before: Resource) -> None:
        self._resources.delete(self._stack.id, created)
        self._resources.restore(self._stack.id, before)
        self._store.put(self._stack, StackResource(before, "UPDATE_COMPLETE"))

    def _change_back(self, after: Resource, before: Resource) -> None:
        self._event(before, before.logical_id, "UPDATE_IN_PROGRESS")
        changed = self._resources.update(self._stack.id, after, before)
        if changed.name != after.name:
            self._resources.delete_old(self._stack.id, after)
        self._store.put(self._stack, StackResource(changed, "UPDATE_COMPLETE"))
        self._event(changed, before.logical_id, "UPDATE_COMPLETE")

    def _clean_up(self, before: Mapping[str, Resource]) -> None:
        """Delete what the update replaced or removed; what cannot be deleted is left."""
        assert self._template  # noqa: S101 - only deletions have none
        for resource in reversed(self._replaced):
            if not resource.replace_policy.startswith("Retain"):
                self._event(resource, resource.logical_id, "DELETE_IN_PROGRESS")
                try:
                    self._resources.delete_old(self._stack.id, resource)
                except Exception as error:
                    self._event(resource, resource.logical_id, "DELETE_FAILED", _reason(error))
                else:
                    self._event(resource, resource.logical_id, "DELETE_COMPLETE")
        declared = self._template.declared
        removed = {name: each for name, each in before.items() if name not in declared}
        for logical_id in reversed(by_needs(removed)):
            resource = removed[logical_id]
            if resource.deletion_policy.startswith("Retain"):
                self._resources.leave(self._stack.id, logical_id)
                self._event(resource, logical_id, "DELETE_SKIPPED")
            else:
                self._delete(resource)
            self._store.forget(self._stack, {logical_id: resource})

    def _give_up_creation(self, on_failure: str, reason: str) -> None:
        if on_failure == "DO_NOTHING":
            self._set("CREATE_FAILED", reason)
            return
        self._set("ROLLBACK_IN_PROGRESS", reason)
        failed = [
            name
            for name in reversed(by_needs(self._stack.existing))
            if self._delete(self._stack.existing[name], on_create=True)
        ]
        self._set("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE")
        if on_failure == "DELETE" and not failed:
            self._set("DELETE_COMPLETE")

    def _delete(self, resource: Resource, on_create: bool = False) -> str:
        """Delete a resource; return the reason where that fails.

        Parameters
        ----------
        on_create
            Whether the operation that created it is taken back; Retain keeps it then, too.
        """
        if on_create and resource.deletion_policy == "Retain":
            self._resources.leave(self._stack.id, resource.logical_id)
            self._put(resource, "DELETE_SKIPPED")
            return ""
        self._put(resource, "DELETE_IN_PROGRESS")
        try:
            self._resources.delete(self._stack.id, resource)
        except Exception as error:
            self._put(resource, "DELETE_FAILED", _reason(error))
            return _reason(error)
        self._put(resource, "DELETE_COMPLETE")
        return ""

    def _put(self, resource: Resource, status: str, reason: str = "") -> None:
        self._store.put(self._stack, StackResource(resource, status, reason))
        self._event(resource, resource.logical_id, status, reason)

    def _set(self, status: str, reason: str = "") -> None:
        """Set the stack's status, with an event, and store it."""
        stack = self._stack
        stack.status, stack.reason = status, reason
        if status == "DELETE_COMPLETE":
            stack.deleted = now()
        elif status == "UPDATE_IN_PROGRESS":
            stack.updated = now()
        stack.add_event(stack.name, stack.id, "AWS::CloudFormation::Stack", status, reason)
        self._store.save(stack)
        if not stack.is_busy:
            self._store.save_events(stack)

    def _event(
        self,
        resource: Resource | None,
        logical_id: str,
        status: str,
        reason: str = "",
        *,
        resource_type: str = "",
    ) -> None:
        type_name = resource.type if resource else resource_type
        name = resource.name if resource else ""
        self._stack.add_event(logical_id, name, type_name, status, reason)


def by_needs(resources: Mapping[str, Resource]) -> list[str]:
    """Return the logical ids, each after those that its resource needs."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in resources and name not in visited:
            visited.add(name)
            for needed in sorted(resources[name].needs):
                visit(needed)
            done.append(name)

    visited: set[str] = set()
    for name in resources:
        visit(name)
    return done


def _reason(error: Exception) -> str:
    if isinstance(error, _EXPECTED):
        return str(error)
    _log.exception("a resource's operation broke off")
    return f"the offline cloud failed over it: {error!r}"
