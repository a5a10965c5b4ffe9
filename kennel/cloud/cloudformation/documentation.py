"""Write the table of resource types in docs/offline-cloud.md from resource_types.py.

python -m kennel.cloud.cloudformation.documentation
"""

from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.paths import ROOT

PAGE = ROOT / "docs" / "offline-cloud.md"
_BEGIN = "<!-- written by `python -m kennel.cloud.cloudformation.documentation` -->\n"
_END = "<!-- end of what it writes -->\n"


def with_table(page: str) -> str:
    """Return the page with the table as the code has it now."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = [f"| `{name}` | {kind.runner} | {kind.here} |" for name, kind in RESOURCE_TYPES.items()]
    lines = ["| type | run by | here |", "| --- | --- | --- |", *rows]
    return before + _BEGIN + "\n".join(lines) + "\n" + _END + after


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
