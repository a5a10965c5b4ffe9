"""The findings as a table and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from kennel.preflight.findings import Finding, Level

_STYLES = {
    Level.BLOCKS: "bold red",
    Level.WARNS: "yellow",
    Level.UNKNOWN: "magenta",
    Level.FINE: "green",
}


def blocks(findings: Sequence[Finding]) -> bool:
    """Return whether a finding blocks the deployment."""
    return any(finding.level is Level.BLOCKS for finding in findings)


def as_table(findings: Sequence[Finding]) -> Table:
    """Return the findings as a table, worst first."""
    order = list(Level)
    table = Table("", "check", "found", "what to do", title_justify="left", show_lines=True)
    for finding in sorted(findings, key=lambda finding: order.index(finding.level)):
        cells = finding.check, finding.found, finding.remedy
        # Text from AWS may contain square brackets, which Rich would read as markup.
        table.add_row(f"[{_STYLES[finding.level]}]{finding.level}", *map(escape, cells))
    return table


def as_json(findings: Sequence[Finding]) -> str:
    """Return {"blocks": bool, "findings": [{check, level, found, remedy}]}."""
    listed = [asdict(finding) for finding in findings]
    return json.dumps({"blocks": blocks(findings), "findings": listed})


def verdict(findings: Sequence[Finding]) -> str:
    """Return the summary below the table: the number of findings of each level."""
    counts = Counter(finding.level for finding in findings)
    parts = [f"{counts[level]} {level}" for level in Level if counts[level]]
    end = "mend what blocks first" if counts[Level.BLOCKS] else "nothing found that blocks"
    return f"{', '.join(parts)}: {end}"
