"""The list, for people and for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from kennel.preflight.findings import Finding, Level

_STYLES = {
    Level.BLOCKS: "bold red",
    Level.WARNS: "yellow",
    Level.UNKNOWN: "magenta",
    Level.FINE: "green",
}


def blocks(found: Sequence[Finding]) -> bool:
    """Return whether something stops the deploy."""
    return any(each.level is Level.BLOCKS for each in found)


def as_table(found: Sequence[Finding]) -> Table:
    """Return the findings, worst first."""
    order = list(Level)
    table = Table("", "check", "found", "what to do", title_justify="left", show_lines=True)
    for each in sorted(found, key=lambda one: order.index(one.level)):
        style = _STYLES[each.level]
        # Text from AWS may hold square brackets, which Rich would take for markup.
        table.add_row(f"[{style}]{each.level}", *map(_plain, (each.check, each.found, each.remedy)))
    return table


def as_json(found: Sequence[Finding]) -> str:
    """Return {"blocks": bool, "findings": [{check, level, found, remedy}]}."""
    return json.dumps({"blocks": blocks(found), "findings": [asdict(each) for each in found]})


def verdict(found: Sequence[Finding]) -> str:
    """Return the list's last line."""
    counts = {level: sum(each.level is level for each in found) for level in Level}
    parts = [f"{counts[level]} {level}" for level in Level if counts[level]]
    end = "mend what blocks first" if counts[Level.BLOCKS] else "nothing found that blocks"
    return f"{', '.join(parts)}: {end}"


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
