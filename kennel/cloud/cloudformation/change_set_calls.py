"""CloudFormation's calls of change sets."""

from collections.abc import Callable, Mapping
from typing import Any

from kennel.cloud.cloudformation import descriptions
from kennel.cloud.cloudformation.change_sets import ChangeSet, ChangeSets
from kennel.cloud.cloudformation.operation_requests import (
    check_capabilities,
    creation,
    note_request,
    refuse_if_busy,
    update,
)
from kennel.cloud.cloudformation.requests import read_request
from kennel.cloud.cloudformation.stacks import Stacks
from kennel.cloud.runtime.errors import ServiceError, not_implemented

Json = dict[str, Any]


class ChangeSetCalls:
    """Answers the calls of change sets.

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
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ListChangeSets": self._list_change_sets,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
        }

    def _create_change_set(self, p: Json) -> Json:
        kind = p.get("ChangeSetType", "UPDATE")
        if kind == "IMPORT":
            raise not_implemented("the offline cloud imports no resources into stacks")
        stack = self._stacks.find(p["StackName"])
        request = read_request(p, stack, self._clients)
        made = self._sets.create(p["ChangeSetName"], kind, request)
        made.description = p.get("Description", "")
        made.on_failure = p.get("OnStackFailure", "")
        if made.template:
            try:
                check_capabilities(request.capabilities, made.template, expand=False)
            except ServiceError:
                self._sets.delete(made)
                raise
        return {"Id": made.id, "StackId": made.stack.id}

    def find(self, p: Json) -> ChangeSet:
        """Return the change set that a call names, or raise ServiceError."""
        name = p["ChangeSetName"]
        stack = self._stacks.find(p["StackName"]) if p.get("StackName") else None
        made = self._sets.find(name, stack)
        if made is None:
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        return made

    def _describe_change_set(self, p: Json) -> Json:
        return descriptions.change_set(self.find(p))

    def _list_change_sets(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        members = (
            *("ChangeSetName", "ChangeSetId", "StackId", "StackName", "ExecutionStatus"),
            *("Status", "StatusReason", "CreationTime", "Description"),
        )
        described = [descriptions.change_set(each) for each in self._sets.of_stack(stack)]
        return {
            "Summaries": [
                {name: each[name] for name in members if name in each} for each in described
            ]
        }

    def _execute_change_set(self, p: Json) -> Json:
        made = self.find(p)
        if made.execution != "AVAILABLE" or made.template is None:
            raise ServiceError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{made.id}] cannot be executed in its current status of "
                f"[{made.status}]",
            )
        stack, template = made.stack, made.template
        refuse_if_busy(stack)
        self._sets.executed(made)
        stack.change_set = made.id
        note_request(stack, made.request, template)
        if stack.status == "REVIEW_IN_PROGRESS":
            nothing = p.get("DisableRollback") or made.on_failure == "DO_NOTHING"
            on_failure = "DO_NOTHING" if nothing else made.on_failure or "ROLLBACK"
            return {"_work": [creation(self._stacks, stack, template, on_failure)]}
        return {"_work": [update(self._stacks, stack, template)]}

    def _delete_change_set(self, p: Json) -> Json:
        made = self._sets.find(p["ChangeSetName"], self._stacks.find(p.get("StackName", "")))
        if made:
            self._sets.delete(made)
        return {}
