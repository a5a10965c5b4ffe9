"""Create and update a stack: resource by resource, with events, and a rollback on failure."""

import functools
from collections.abc import Callable, Mapping

from kennel.cloud.cloudformation.changes import Change, change_of
from kennel.cloud.cloudformation.names import Created
from kennel.cloud.cloudformation.provider import Answers
from kennel.cloud.cloudformation.recorder import OperationFailed, Recorder, reason_of
from kennel.cloud.cloudformation.removal import Removal
from kennel.cloud.cloudformation.resource_types import is_custom
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.stack_state import StackState, StackStore
from kennel.cloud.cloudformation.template import Resource, Template, creation_order
from kennel.errors import KennelError

Outputs = dict[str, dict[str, str]]


class Interrupted(BaseException):
    """The cloud shuts down during the operation, which stays in progress until the next start."""


class StackOperation:
    """One creation or update of a stack.

    Parameters
    ----------
    stack
        Changed while the operation goes on.
    template
        What the stack is to be.
    check_outputs
        Raises KennelError for outputs that a stack cannot have.
    adopt
        Take over resources that exist already, and create those that are gone: a start of the
        cloud does, where the last one may have been killed at any moment.
    """

    def __init__(
        self,
        stack: StackState,
        template: Template,
        resources: Resources,
        store: StackStore,
        check_outputs: Callable[[Outputs], None] = lambda outputs: None,
        *,
        adopt: bool = False,
    ) -> None:
        self._stack = stack
        self._template = template
        self._resources = resources
        self._record = Recorder(stack, store)
        self._removal = Removal(self._record, resources)
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
        self._record.set("CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply({})
        except OperationFailed as error:
            self._give_up_creation(on_failure, str(error))
            raise
        self._record.set("CREATE_COMPLETE")

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
        self._record.set("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply(before)
        except OperationFailed as error:
            self._record.set("UPDATE_ROLLBACK_IN_PROGRESS", str(error))
            complete = self._roll_back()
            stack.outputs, stack.generations = outputs, generations
            if complete:
                self._record.set("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._record.set("UPDATE_ROLLBACK_COMPLETE" if complete else "UPDATE_ROLLBACK_FAILED")
            raise
        self._record.set("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(before)
        self._record.set("UPDATE_COMPLETE")

    def _apply(self, before: Mapping[str, Resource]) -> None:
        template, stack = self._template, self._stack
        template.note_existing(before, stack.generations)
        try:
            order = template.in_order()
        except KennelError as error:
            raise OperationFailed(str(error)) from error
        for logical_id in order:
            try:
                change = change_of(template, before.get(logical_id), logical_id)
            except Exception as error:
                status = "UPDATE_FAILED" if logical_id in before else "CREATE_FAILED"
                self._record.event(before.get(logical_id), logical_id, status, reason_of(error))
                raise OperationFailed(f"{logical_id}: {reason_of(error)}") from error
            self._make(change)
        try:
            outputs = template.outputs()
            self._check_outputs(outputs)
        except KennelError as error:
            raise OperationFailed(str(error)) from error
        stack.outputs = outputs

    def _make(self, change: Change) -> None:
        """Apply the change of one resource."""
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
        self._record.event(None, logical_id, "CREATE_IN_PROGRESS", resource_type=resource.type)
        try:
            takes_over = self._adopt and self._can_be_adopted(resource)
            make = self._resources.adopt if takes_over else self._resources.create
            created = make(self._stack.id, resource)
        except Exception as error:
            self._record.event(resource, logical_id, "CREATE_FAILED", reason_of(error))
            message = f"{logical_id} ({resource.type}) cannot be created: {reason_of(error)}"
            raise OperationFailed(message) from error
        self._note(created, "CREATE_COMPLETE")
        self._record.event(created, logical_id, "CREATE_COMPLETE")
        return created

    def _can_be_adopted(self, resource: Resource) -> bool:
        """Return whether a resource is there under the name that it would get."""
        return not is_custom(resource.type) and self._resources.has_by_name(resource, self._answers)

    def _update(self, before: Resource, after: Resource) -> None:
        logical_id, stack_id = after.logical_id, self._stack.id
        self._record.event(before, logical_id, "UPDATE_IN_PROGRESS")
        self._undo.append((before, functools.partial(self._change_back, after, before)))
        try:
            changed = self._resources.update(stack_id, before, after)
        except Exception as error:
            self._record.event(before, logical_id, "UPDATE_FAILED", reason_of(error))
            message = f"{logical_id} ({after.type}) cannot be updated: {reason_of(error)}"
            raise OperationFailed(message) from error
        self._undo[-1] = (before, functools.partial(self._change_back, changed, before))
        if changed.name != before.name:  # a custom resource's: the old one is to be deleted
            self._replaced.append(before)
        self._note(changed, "UPDATE_COMPLETE")
        self._record.event(changed, logical_id, "UPDATE_COMPLETE")

    def _note(self, resource: Resource, status: str) -> None:
        """Record a resource as it is now, for the stack and for what refers to it."""
        logical_id = resource.logical_id
        known = self._template.created.get(logical_id, Created())
        self._template.created[logical_id] = Created(
            resource.name, resource.attributes, known.generation
        )
        if known.generation:
            self._stack.generations[logical_id] = known.generation
        self._record.keep(resource, status)

    def _roll_back(self) -> bool:
        """Undo what was done, the last first; return whether all of it could be."""
        complete = True
        for resource, undo in reversed(self._undo):
            try:
                undo()
            except Exception as error:
                complete = False
                self._record.event(resource, resource.logical_id, "UPDATE_FAILED", reason_of(error))
        return complete

    def _take_away(self, created: Resource) -> None:
        if reason := self._removal.delete(created, on_create=True):
            raise RuntimeError(reason)
        self._record.forget(created.logical_id)

    def _put_back(self, created: Resource, before: Resource) -> None:
        self._resources.delete(self._stack.id, created)
        self._resources.restore(self._stack.id, before)
        self._record.keep(before, "UPDATE_COMPLETE")

    def _change_back(self, after: Resource, before: Resource) -> None:
        self._record.event(before, before.logical_id, "UPDATE_IN_PROGRESS")
        changed = self._resources.update(self._stack.id, after, before)
        if changed.name != after.name:
            self._resources.delete_old(self._stack.id, after)
        self._record.keep(changed, "UPDATE_COMPLETE")
        self._record.event(changed, before.logical_id, "UPDATE_COMPLETE")

    def _clean_up(self, before: Mapping[str, Resource]) -> None:
        """Delete what the update replaced or removed; what cannot be deleted is left."""
        for resource in reversed(self._replaced):
            if not resource.replace_policy.startswith("Retain"):
                self._record.event(resource, resource.logical_id, "DELETE_IN_PROGRESS")
                try:
                    self._resources.delete_old(self._stack.id, resource)
                except Exception as error:
                    self._record.event(
                        resource, resource.logical_id, "DELETE_FAILED", reason_of(error)
                    )
                else:
                    self._record.event(resource, resource.logical_id, "DELETE_COMPLETE")
        declared = self._template.declared
        removed = {name: each for name, each in before.items() if name not in declared}
        for logical_id in reversed(creation_order(removed)):
            resource = removed[logical_id]
            if resource.deletion_policy.startswith("Retain"):
                self._resources.leave(self._stack.id, logical_id)
                self._record.event(resource, logical_id, "DELETE_SKIPPED")
            else:
                self._removal.delete(resource)
            self._record.forget(logical_id)

    def _give_up_creation(self, on_failure: str, reason: str) -> None:
        if on_failure == "DO_NOTHING":
            self._record.set("CREATE_FAILED", reason)
            return
        self._record.set("ROLLBACK_IN_PROGRESS", reason)
        existing = self._stack.existing
        failed = [
            name
            for name in reversed(creation_order(existing))
            if self._removal.delete(existing[name], on_create=True)
        ]
        self._record.set("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE")
        if on_failure == "DELETE" and not failed:
            self._record.set("DELETE_COMPLETE")
