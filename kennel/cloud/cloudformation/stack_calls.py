"""CloudFormation's calls that create, update and delete stacks."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from kennel.cloud.cloudformation.change_sets import ChangeSets
from kennel.cloud.cloudformation.operation_requests import (
    check_capabilities,
    creation,
    note_request,
    refuse_if_busy,
    update,
)
from kennel.cloud.cloudformation.requests import read_request
from kennel.cloud.cloudformation.stack_reads import invalid
from kennel.cloud.cloudformation.stack_state import StackState
from kennel.cloud.cloudformation.stacks import Stacks
from kennel.cloud.runtime.errors import ServiceError

Json = dict[str, Any]
_CAN_UPDATE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"}
_NO_UPDATES = "No updates are to be performed."


class StackCalls:
    """Answers the calls that change stacks.

    Attributes
    ----------
    calls
        By operation; an answer's "_work" goes on after it.
    """

    def __init__(self, stacks: Stacks, sets: ChangeSets) -> None:
        self._stacks = stacks
        self._sets = sets
        self._clients = stacks.resources.clients
        self.calls: Mapping[str, Callable[[Json], Json]] = {
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
            "UpdateTerminationProtection": self._protect,
            "GetStackPolicy": lambda p: {},
        }

    def _create_stack(self, p: Json) -> Json:
        name = p["StackName"]
        stack = self._stacks.find(name)
        if stack:
            raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
        request = read_request(p, None, self._clients)
        stack = StackState.new(name)
        template = self._stacks.prepare(stack, request)
        check_capabilities(request.capabilities, template, expand=True)
        self._stacks.add(stack)  # nobody sees it before: the request may be refused
        stack.is_protected = bool(p.get("EnableTerminationProtection"))
        stack.disable_rollback = bool(p.get("DisableRollback"))
        note_request(stack, request, template)
        nothing = "DO_NOTHING" if stack.disable_rollback else "ROLLBACK"
        work = creation(self._stacks, stack, template, p.get("OnFailure", nothing))
        return {"StackId": stack.id, "_work": [work]}

    def _update_stack(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        refuse_if_busy(stack)
        if stack.status not in _CAN_UPDATE:
            raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        request = read_request(p, stack, self._clients)
        template = self._stacks.prepare(stack, request)
        check_capabilities(request.capabilities, template, expand=True)
        if (
            request.template == stack.template
            and template.parameters == stack.parameters
            and list(request.tags or stack.tags) == stack.tags
        ):
            raise invalid(_NO_UPDATES)
        note_request(stack, request, template)
        return {"StackId": stack.id, "_work": [update(self._stacks, stack, template)]}

    def _delete_stack(self, p: Json) -> Json:
        stack = self._stacks.find(p["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return {}
        if stack.is_protected:
            raise invalid(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        refuse_if_busy(stack)
        retain = tuple(p.get("RetainResources", []))
        if retain and stack.status != "DELETE_FAILED":
            raise invalid("RetainResources can only be specified for stacks in DELETE_FAILED")
        for made in self._sets.of_stack(stack):
            self._sets.delete(made)
        stack.status = "DELETE_IN_PROGRESS"
        return {"_work": [functools.partial(self._stacks.delete, stack, retain)]}

    def _protect(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        stack.is_protected = bool(p["EnableTerminationProtection"])
        self._stacks.store.save(stack)
        return {"StackId": stack.id}
