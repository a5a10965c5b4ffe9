"""Look up, validate, create, update and delete the stacks of the cloud."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.cloudformation.operation import Outputs, StackOperation
from kennel.cloud.cloudformation.parameters import names_in_ssm, parameter_values
from kennel.cloud.cloudformation.provider import Answers
from kennel.cloud.cloudformation.recorder import OperationFailed, Recorder
from kennel.cloud.cloudformation.removal import Removal
from kennel.cloud.cloudformation.requirements import Check, lacking
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.stack_state import StackResource, StackState, StackStore
from kennel.cloud.cloudformation.template import (
    Resource,
    Stack,
    Template,
    creation_order,
    read_template,
)
from kennel.cloud.runtime.store import Store
from kennel.errors import CannotStart, KennelError

_GONE = "DELETE_COMPLETE"

_log = logging.getLogger(__name__)


class StackRefused(KennelError):  # noqa: N818
    """CloudFormation does not take a request; the message is CloudFormation's own."""


@dataclass(frozen=True)
class StackRequest:
    """What a client wants a stack to be.

    Attributes
    ----------
    template
        Its text.
    given
        The values that are given for parameters.
    previous
        Names of the parameters that keep their previous value.
    """

    name: str
    template: str
    given: Mapping[str, str] = field(default_factory=dict)
    previous: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    tags: tuple[Mapping[str, str], ...] = ()


class Stacks:
    """The stacks of one cloud. Its methods block: they make calls to the cloud itself.

    Parameters
    ----------
    checks
        By resource type: raises KennelError for what the cloud cannot run.
    adopt
        Whether `deploy` looks for each resource before it creates it, as an earlier cloud may have.
    """

    def __init__(
        self,
        resources: Resources,
        store: Store,
        checks: Mapping[str, Check] | None = None,
        *,
        adopt: bool = True,
    ) -> None:
        self._adopt = adopt
        self.resources = resources
        self.store = StackStore(store)
        self._checks = checks or {}
        self._stacks = {each.id: each for each in self.store.load()}

    def deploy(self, request: StackRequest) -> StackState:
        """Create or update a stack at the start of the cloud, whatever state it was left in.

        Raises
        ------
        CannotStart
            With the reason, when the template cannot be run.
        """
        stack = self.find(request.name)
        is_new = stack is None or not stack.existing
        if stack is None:
            stack = StackState.new(request.name)
            self.add(stack)
        try:
            template = self.prepare(stack, request)
            stack.description = str(template.source.get("Description", ""))
            if is_new:
                self.create(stack, template, adopt=self._adopt)
            else:
                self.update(stack, template, adopt=True)
        except (StackRefused, OperationFailed) as error:
            raise CannotStart(str(error)) from error
        if absent := self.absent(stack):
            raise CannotStart(f"created without an error, but absent: {', '.join(absent)}")
        return stack

    def restore(self) -> None:
        """Register the resources of stored stacks; an interrupted operation has failed."""
        for stack in self._stacks.values():
            for resource in stack.existing.values():
                self.resources.restore(stack.id, resource)
            if stack.is_busy:
                stack.status = {"CREATE_IN": "CREATE_FAILED", "DELETE_IN": "DELETE_FAILED"}.get(
                    stack.status[:9], "UPDATE_FAILED"
                )
                stack.reason = "The offline cloud ended in the midst of the operation."
                self.store.save(stack)

    def repair(self, left_out: str = "") -> None:
        """Recreate the resources that services lost in a restart: some of them store nothing.

        Parameters
        ----------
        left_out
            The name of a stack that is deployed anyway.
        """
        for stack in self._stacks.values():
            existing: dict[str, Resource] = stack.existing if stack.name != left_out else {}
            answers: Answers = {}
            for name in creation_order(existing):
                try:
                    if not self.resources.exists(existing[name], answers):
                        created = self.resources.create(stack.id, existing[name])
                        self.store.put(stack, StackResource(created, "CREATE_COMPLETE"))
                except Exception as error:
                    _log.exception("%s of the stack %s is lost", name, stack.name)
                    lost = StackResource(existing[name], "UPDATE_FAILED", str(error))
                    self.store.put(stack, lost)

    def all(self) -> list[StackState]:
        """Return all stacks, also deleted ones, the newest first."""
        return list(reversed(self._stacks.values()))

    def find(self, name: str) -> StackState | None:
        """Return the stack of this ARN, or the living one of this name."""
        if name in self._stacks:
            return self._stacks[name]
        living = (each for each in self.all() if each.status != _GONE)
        return next((each for each in living if each.name == name), None)

    def get(self, name: str) -> StackState:
        """Return a stack; StackRefused when there is none."""
        stack = self.find(name)
        if stack is None:
            raise StackRefused(f"Stack with id {name} does not exist")
        return stack

    def add(self, stack: StackState) -> None:
        """Add a new stack, and store it."""
        self._stacks[stack.id] = stack
        self.store.save(stack)

    def prepare(self, stack: StackState, request: StackRequest) -> Template:
        """Return the template of a request, ready to be applied to a stack.

        Raises
        ------
        StackRefused
            For parameters that are wrong, capabilities that are missing, or what the offline
            cloud cannot run, all of it in one message.
        """
        try:
            source = read_template(request.template, "the template")
            given = dict(request.given)
            for name in request.previous:
                given[name] = stack.parameters.get(name, "")
            values = parameter_values(source, given)
            in_ssm = {name: self.resources.parameter(values[name]) for name in names_in_ssm(source)}
            template = Template(
                source, values | in_ssm, stack.name, stack.id, import_value=self._importer(stack)
            )
            template.text, template.parameters = request.template, values
            problems = lacking(template, self._checks)
        except CannotStart as error:
            raise StackRefused(str(error)) from error
        if problems:
            raise StackRefused("the offline cloud cannot run this template: " + "; ".join(problems))
        return template

    def create(
        self, stack: StackState, template: Template, on_failure: str = "ROLLBACK", *, adopt: bool
    ) -> None:
        """Create the resources of a new stack."""
        self._operation(stack, template, adopt=adopt).create(on_failure)

    def update(self, stack: StackState, template: Template, *, adopt: bool = False) -> None:
        """Update the resources of a stack."""
        self._operation(stack, template, adopt=adopt).update()

    def delete(
        self, stack: StackState, retain: tuple[str, ...] = (), *, keep: bool = True
    ) -> list[str]:
        """Delete a stack; return the logical ids of the retained resources."""
        self._check_exports(stack, {})
        removal = Removal(Recorder(stack, self.store), self.resources)
        return removal.delete_stack(retain, keep=keep)

    def exports(self) -> Iterator[tuple[StackState, str, str]]:
        """Return what living stacks export: stack, name, value."""
        for stack in self._stacks.values():
            if stack.status != _GONE:
                for output in stack.outputs.values():
                    if "Export" in output:
                        yield stack, output["Export"], output["Value"]

    def users_of(self, export: str) -> list[str]:
        """Return the names of living stacks that import an export."""
        living = (each for each in self._stacks.values() if each.status != _GONE)
        return [each.name for each in living if export in each.imports]

    def described(self, stack: StackState) -> Stack:
        """Return the resources and outputs of a stack as they exist."""
        reachable = self.resources.reachable
        outputs = {name: reachable(each["Value"]) for name, each in stack.outputs.items()}
        return Stack(stack.name, stack.existing, outputs)

    def absent(self, stack: StackState) -> list[str]:
        """Return the logical ids of resources that do not exist, though they should."""
        answers: Answers = {}
        return [
            name
            for name, resource in stack.existing.items()
            if not self.resources.exists(resource, answers)
        ]

    def _operation(
        self, stack: StackState, template: Template, *, adopt: bool = False
    ) -> StackOperation:
        def check(outputs: Outputs) -> None:
            self._check_exports(stack, outputs)

        stack.parameters, stack.template = template.parameters, template.text

        return StackOperation(stack, template, self.resources, self.store, check, adopt=adopt)

    def _check_exports(self, stack: StackState, outputs: Outputs) -> None:
        wanted = {each["Export"] for each in outputs.values() if "Export" in each}
        for other, name, _ in self.exports():
            if other is not stack and name in wanted:
                raise StackRefused(
                    f"Export with name {name} is already exported by stack {other.name}."
                )
            if other is stack and name not in wanted and (users := self.users_of(name)):
                raise StackRefused(
                    f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}"
                )

    def _importer(self, stack: StackState) -> Callable[[str], str]:
        def import_value(wanted: str) -> str:
            for _, name, value in self.exports():
                if name == wanted:
                    if wanted not in stack.imports:
                        stack.imports.append(wanted)
                    return value
            raise StackRefused(f"No export named {wanted} found.")

        return import_value


def capabilities_needed(template: Template) -> list[str]:
    """Return the capabilities that a template with roles or policies needs."""
    properties: list[Any] = [
        each.get("Properties") or {}
        for each in template.declared.values()
        if str(each["Type"]).startswith("AWS::IAM::")
    ]
    named = {"RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"}
    if any(named & set(each) for each in properties):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if properties else []
