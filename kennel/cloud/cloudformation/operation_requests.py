"""Start operations on stacks, and check capabilities: shared by the calls that do so."""

import functools
from collections.abc import Callable, Sequence

from kennel.cloud.cloudformation.stack_reads import invalid
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import StackRequest, Stacks, capabilities_needed
from kennel.cloud.cloudformation.template import Template
from kennel.cloud.runtime.errors import ServiceError

_TRANSFORM = "CAPABILITY_AUTO_EXPAND"


def creation(
    stacks: Stacks, stack: StackState, template: Template, on_failure: str
) -> Callable[[], object]:
    """Mark a stack as being created, and return the work that creates it."""
    stack.status = "CREATE_IN_PROGRESS"
    return functools.partial(stacks.create, stack, template, on_failure, adopt=False)


def update(stacks: Stacks, stack: StackState, template: Template) -> Callable[[], object]:
    """Mark a stack as being updated, and return the work that updates it."""
    stack.status = "UPDATE_IN_PROGRESS"
    return functools.partial(stacks.update, stack, template)


def note_request(stack: StackState, request: StackRequest, template: Template) -> None:
    """Note in a stack what a request says about it as a whole."""
    stack.capabilities = list(request.capabilities)
    stack.description = str(template.source.get("Description", ""))
    if request.tags:
        stack.tags = [dict(each) for each in request.tags]


def check_capabilities(given: Sequence[str], template: Template, *, expand: bool) -> None:
    """Raise ServiceError where a template needs capabilities that are not given.

    Parameters
    ----------
    expand
        Whether a transform needs CAPABILITY_AUTO_EXPAND, as it does without a change set.
    """
    needed = capabilities_needed(template)
    has_all = not needed or {"CAPABILITY_NAMED_IAM", *needed} & set(given)
    missing = [] if has_all else list(needed)
    if expand and template.source.get("Transform") and _TRANSFORM not in given:
        missing.append(_TRANSFORM)
    if missing:
        raise ServiceError(
            "InsufficientCapabilitiesException",
            f"Requires capabilities : [{', '.join(missing)}]",
        )


def refuse_if_busy(stack: StackState) -> None:
    """Raise ServiceError while an operation on the stack is under way."""
    if stack.is_busy:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
