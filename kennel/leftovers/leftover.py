"""One resource that outlives its stack, and the table and JSON of many."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True)
class Leftover:
    """A resource that the stack, or one of its executions, made and that still exists.

    Attributes
    ----------
    kind, name
        What it is.
    costs
        Whether it costs money by existing.
    command
        The command line that removes it.
    by_design
        Whether it is kept on purpose.
    """

    kind: str
    name: str
    costs: bool
    command: str
    by_design: bool = False


def keeps_costing(leftovers: Sequence[Leftover]) -> bool:
    """Return whether something costs money that is not kept on purpose."""
    return any(leftover.costs and not leftover.by_design for leftover in leftovers)


def as_table(leftovers: Sequence[Leftover]) -> Table:
    """Return the leftovers as a table, each with the command that removes it."""
    table = Table("left", "name", "costs?", "removed by", title_justify="left", show_lines=True)
    for leftover in leftovers:
        kind, costs = leftover.kind, "yes" if leftover.costs else "no"
        if leftover.by_design:
            kind = f"{kind} (kept by design)"
        elif leftover.costs:
            costs = "[red]yes"
        table.add_row(kind, leftover.name, costs, escape(leftover.command))
    return table


def as_json(leftovers: Sequence[Leftover]) -> str:
    """Return {"keeps_costing": bool, "left": [{kind, name, costs, command, by_design}]}."""
    listed = [asdict(leftover) for leftover in leftovers]
    return json.dumps({"keeps_costing": keeps_costing(leftovers), "left": listed})
