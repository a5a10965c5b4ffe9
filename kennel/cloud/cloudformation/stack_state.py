"""The stored state of a stack: its template, parameters, resources, outputs and events."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
_STACK, _RESOURCE, _EVENTS = "stack", "stack-resource", "stack-events"
_MOST_EVENTS = 1000


def now() -> str:
    """Return the time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def arn_of(kind: str, name: str) -> str:
    """Return a new ARN of a stack or a change set."""
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:{kind}/{name}/{uuid.uuid4()}"


@dataclass
class StackResource:
    """A resource of a stack, and how its last operation ended."""

    resource: Resource
    status: str
    reason: str = ""
    updated: str = field(default_factory=now)


@dataclass
class StackState:
    """One stack, alive or deleted.

    Attributes
    ----------
    template
        Its text, as it was given.
    given
        The values that were given for parameters; `parameters` has those of all.
    generations
        How often each resource was replaced, by logical id.
    outputs
        By name: Value, and Description and Export where the template has them.
    imports
        Names of other stacks' exports that it uses.
    """

    name: str
    id: str
    template: str = ""
    given: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    tags: list[Json] = field(default_factory=list)
    description: str = ""
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    change_set: str = ""
    disable_rollback: bool = False
    is_protected: bool = False
    created: str = field(default_factory=now)
    updated: str = ""
    deleted: str = ""
    generations: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    resources: dict[str, StackResource] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)

    @classmethod
    def new(cls, name: str) -> "StackState":
        """Return a stack without resources, with an ARN of its own."""
        return cls(name, arn_of("stack", name))

    @property
    def existing(self) -> dict[str, Resource]:
        """The resources that exist, by logical id."""
        return {
            name: each.resource
            for name, each in self.resources.items()
            if each.status not in {"DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_FAILED"}
        }

    @property
    def is_busy(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def add_own_event(self, reason: str = "") -> None:
        """Record the stack's status as an event of the stack itself."""
        self.add_event(self.name, self.id, "AWS::CloudFormation::Stack", self.status, reason)

    def add_event(
        self, logical_id: str, physical_id: str, type_name: str, status: str, reason: str = ""
    ) -> None:
        """Record an event of a resource."""
        event = {
            "EventId": str(uuid.uuid4()),
            "StackId": self.id,
            "StackName": self.name,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": type_name,
            "ResourceStatus": status,
            "Timestamp": now(),
        }
        self.events.append(event | ({"ResourceStatusReason": reason} if reason else {}))


class StackStore:
    """Reads and writes the states of stacks, each resource and the events by themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> Iterator[StackState]:
        """Return all stacks, oldest first."""
        resources: dict[str, dict[str, StackResource]] = {}
        for row in self._store.all(_RESOURCE):
            resource = Resource(**{**row["resource"], "needs": frozenset(row["resource"]["needs"])})
            entry = StackResource(resource, row["status"], row["reason"], row["updated"])
            resources.setdefault(row["stack"], {})[resource.logical_id] = entry
        for row in self._store.all(_STACK):
            events = self._store.get(_EVENTS, row["id"]) or {"events": []}
            yield StackState(**row, resources=resources.get(row["id"], {}), events=events["events"])

    def save(self, stack: StackState) -> None:
        """Store a stack without its resources and events."""
        own = {each.name for each in fields(stack)} - {"resources", "events"}
        self._store.put(_STACK, stack.id, {name: getattr(stack, name) for name in own})

    def save_events(self, stack: StackState) -> None:
        """Store a stack's events, which are many: once at the end of an operation."""
        del stack.events[:-_MOST_EVENTS]
        self._store.put(_EVENTS, stack.id, {"events": stack.events})

    def put(self, stack: StackState, entry: StackResource) -> None:
        """Enter a resource in its stack, and store it."""
        name = entry.resource.logical_id
        stack.resources[name] = entry
        row = {"stack": stack.id, **asdict(entry)}
        plain = json.loads(json.dumps(row, default=_plain))
        self._store.put(_RESOURCE, f"{stack.id}/{name}", plain)

    def forget(self, stack: StackState, logical_id: str) -> None:
        """Remove a resource of a stack from it and from the store."""
        stack.resources.pop(logical_id, None)
        self._store.delete(_RESOURCE, f"{stack.id}/{logical_id}")


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)
