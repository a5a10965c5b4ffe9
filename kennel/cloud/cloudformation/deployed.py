"""The resources of all stacks as they are now, for the services that run them."""

import threading

from kennel.cloud.cloudformation.template import Resource, Stack


class DeployedResources:
    """The resources that exist now, of every stack; services read it at each use.

    Attributes
    ----------
    version
        Grows with each change, for services that keep what they have read.
    """

    def __init__(self) -> None:
        self.version = 0
        self._resources: dict[tuple[str, str], Resource] = {}
        self._lock = threading.Lock()

    @classmethod
    def of_stack(cls, stack: Stack) -> "DeployedResources":
        """Return the resources of one stack, as if each existed."""
        deployed = cls()
        for resource in stack.resources.values():
            deployed.put(stack.name, resource)
        return deployed

    def put(self, stack_name: str, resource: Resource) -> None:
        """Add a resource of a stack, or replace the one of the same logical id."""
        with self._lock:
            self._resources[stack_name, resource.logical_id] = resource
            self.version += 1

    def remove(self, stack_name: str, logical_id: str) -> None:
        """Remove a resource, if it is there."""
        with self._lock:
            self._resources.pop((stack_name, logical_id), None)
            self.version += 1

    def of_type(self, type_name: str) -> list[Resource]:
        """Return the resources of one type, in the order of their creation."""
        with self._lock:
            return [each for each in self._resources.values() if each.type == type_name]
