"""Sort resources by their dependencies."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from kennel.errors import CannotStart


def in_order(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return the logical ids, each after those that its resource needs.

    Parameters
    ----------
    needs
        By logical id; what is not among the ids themselves does not count.

    Raises
    ------
    CannotStart
        When resources need each other in a cycle.
    """
    graph = {name: needs.keys() & each for name, each in needs.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        names = ", ".join(sorted(set(error.args[1])))
        raise CannotStart(f"these resources need each other: {names}") from error
