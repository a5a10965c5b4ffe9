"""Answer CloudFormation's Describe and List calls: stacks, events, resources, exports."""

from collections.abc import Callable, Mapping
from typing import Any

from kennel.cloud.cloudformation import descriptions
from kennel.cloud.cloudformation.stacks import Stacks
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.pages import numbered_page

Json = dict[str, Any]
_PAGE = 100


class StackReads:
    """Answers the reads of stacks.

    Attributes
    ----------
    calls
        By operation.
    """

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self.calls: Mapping[str, Callable[[Json], Json]] = {
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackEvents": self._describe_events,
            "DescribeStackResource": self._describe_resource,
            "DescribeStackResources": self._describe_resources,
            "ListStackResources": self._list_resources,
            "ListExports": self._list_exports,
            "ListImports": self._list_imports,
        }

    def _describe_stacks(self, p: Json) -> Json:
        reachable = self._stacks.resources.reachable
        if name := p.get("StackName"):
            return {"Stacks": [descriptions.stack(self._stacks.get(name), reachable)]}
        living = [each for each in self._stacks.all() if each.status != "DELETE_COMPLETE"]
        return _page("Stacks", [descriptions.stack(each, reachable) for each in living], p)

    def _list_stacks(self, p: Json) -> Json:
        wanted = p.get("StackStatusFilter", [])
        stacks = [each for each in self._stacks.all() if not wanted or each.status in wanted]
        return _page("StackSummaries", [descriptions.summary(each) for each in stacks], p)

    def _describe_events(self, p: Json) -> Json:
        events = self._stacks.get(p["StackName"]).events
        return _page("StackEvents", [descriptions.event(each) for each in reversed(events)], p)

    def _describe_resource(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        name = p["LogicalResourceId"]
        if name not in stack.resources:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": descriptions.resource(stack, stack.resources[name])}

    def _describe_resources(self, p: Json) -> Json:
        if not p.get("StackName"):
            return {"StackResources": self._by_physical_id(p)}
        stack = self._stacks.get(p["StackName"])
        wanted = p.get("LogicalResourceId")
        return {
            "StackResources": [
                descriptions.resource(stack, each)
                for name, each in stack.resources.items()
                if wanted in {None, name}
            ]
        }

    def _by_physical_id(self, p: Json) -> list[Json]:
        wanted = p.get("PhysicalResourceId", "")
        for stack in self._stacks.all():
            if wanted in {each.resource.name for each in stack.resources.values()}:
                return [descriptions.resource(stack, each) for each in stack.resources.values()]
        raise invalid(f"Stack for {wanted} does not exist")

    def _list_resources(self, p: Json) -> Json:
        stack = self._stacks.get(p["StackName"])
        resources = [descriptions.resource(stack, each) for each in stack.resources.values()]
        return _page("StackResourceSummaries", resources, p)

    def _list_exports(self, p: Json) -> Json:
        exports = [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for stack, name, value in self._stacks.exports()
        ]
        return _page("Exports", exports, p)

    def _list_imports(self, p: Json) -> Json:
        users = self._stacks.users_of(p["ExportName"])
        if not users:
            raise invalid(f"Export '{p['ExportName']}' is not imported by any stack.")
        return {"Imports": users}


def invalid(message: str) -> ServiceError:
    """Return CloudFormation's error for a request that it does not take."""
    return ServiceError("ValidationError", message)


def _page(member: str, items: list[Json], p: Json) -> Json:
    page, following = numbered_page(items, p.get("NextToken"), _PAGE, invalid)
    return {member: page, **({"NextToken": following} if following else {})}
