"""Change sets: what a template would change in a stack, computed before it is executed."""

from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.cloudformation.changes import Change, ChangeRefused, changes_of
from kennel.cloud.cloudformation.stack_state import StackState, arn_of, now
from kennel.cloud.cloudformation.stacks import StackRefused, StackRequest, Stacks
from kennel.cloud.cloudformation.template import Template
from kennel.errors import KennelError

Json = dict[str, Any]
_NOTHING = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)


@dataclass
class ChangeSet:
    """A change set of a stack; it lives in memory, until the cloud ends."""

    name: str
    stack: StackState
    request: StackRequest
    id: str = ""
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    template: Template | None = None
    changes: list[Json] = field(default_factory=list)
    created: str = field(default_factory=now)
    description: str = ""
    on_failure: str = ""


class ChangeSets:
    """The change sets of all stacks."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._sets: dict[str, ChangeSet] = {}

    def create(self, name: str, kind: str, request: StackRequest) -> ChangeSet:
        """Create a change set; one of the type CREATE makes a stack in review."""
        stack = self._stacks.find(request.name)
        if kind == "CREATE":
            if stack and stack.status != "REVIEW_IN_PROGRESS":
                raise StackRefused(
                    f"Stack [{request.name}] already exists and cannot be created again with the "
                    f"changeSet [{name}]."
                )
            if stack is None:
                stack = StackState.new(request.name)
                stack.add_own_event("User Initiated")
                self._stacks.add(stack)
        elif stack is None:
            raise StackRefused(f"Stack [{request.name}] does not exist")
        if self.find(name, stack):
            raise StackRefused(f"ChangeSet {name} already exists for stack {stack.id}")
        made = ChangeSet(name, stack, request, arn_of("changeSet", name))
        try:
            made.template = self._stacks.prepare(stack, request)
            made.changes = [_described(each) for each in self._planned(stack, made.template)]
            if not made.changes and not _outputs_change(stack, made.template):
                made.status, made.execution, made.reason = "FAILED", "UNAVAILABLE", _NOTHING
        except (KennelError, ChangeRefused) as error:
            made.status, made.execution, made.reason = "FAILED", "UNAVAILABLE", str(error)
        self._sets[made.id] = made
        return made

    def find(self, name: str, stack: StackState | None) -> ChangeSet | None:
        """Return the change set of this ARN, or of this name and stack."""
        if name in self._sets:
            return self._sets[name]
        named = (each for each in self._sets.values() if each.name == name)
        return next((each for each in named if each.stack is stack), None)

    def of_stack(self, stack: StackState) -> list[ChangeSet]:
        """Return the change sets of a stack, oldest first."""
        return [each for each in self._sets.values() if each.stack is stack]

    def delete(self, change_set: ChangeSet) -> None:
        """Delete a change set."""
        self._sets.pop(change_set.id, None)

    def executed(self, change_set: ChangeSet) -> None:
        """Delete the other change sets of the stack: they were computed for what it was."""
        change_set.execution = "EXECUTE_COMPLETE"
        for each in self.of_stack(change_set.stack):
            if each is not change_set:
                self.delete(each)

    def _planned(self, stack: StackState, template: Template) -> list[Change]:
        template.note_existing(stack.existing, stack.generations)
        changes = list(changes_of(template, stack.existing))
        template.created.clear()
        return changes


def _outputs_change(stack: StackState, template: Template) -> bool:
    return stack.status != "REVIEW_IN_PROGRESS" and set(stack.outputs) != set(
        template.transformed.get("Outputs") or {}
    )


def _described(change: Change) -> Json:
    """Return a change in the form of DescribeChangeSet."""
    described: Json = {
        "Action": change.action,
        "LogicalResourceId": change.resource.logical_id,
        "ResourceType": change.resource.type,
        "Scope": [],
        "Details": [],
    }
    if change.before:
        described["PhysicalResourceId"] = change.before.name
    if change.action == "Modify":
        described["Replacement"] = "True" if change.replacing else "False"
        described["Scope"] = ["Properties"] if change.properties else ["DeletionPolicy"]
        described["Details"] = [
            {
                "Target": {
                    "Attribute": "Properties",
                    "Name": name,
                    "RequiresRecreation": "Always" if name in change.replacing else "Never",
                },
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
            for name in change.properties
        ]
    return {"Type": "Resource", "ResourceChange": described}
