"""Write the measured figures of bench/results.json into bench/RESULTS.md and the guides.

    .venv/bin/python scripts/results.py            # after a change of bench/results.json
    .venv/bin/python scripts/results.py --check    # status 1, and names, if a page differs

A record has `id`, `title`, `command`, `date`, `machine`, and at will: `takes` (how long the command
needs), `note` and `after` (paragraphs before and after the table), `columns` with `rows`, and
`figures`, by name, each with its `value` and what it `is`. In README.md and docs/, what stands
between `<!-- results: ID -->` and `<!-- /results -->` becomes the record's table, and what stands
between `<!-- results: ID.NAME -->` and the same end becomes that one figure.
"""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "bench" / "results.json"
RESULTS = ROOT / "bench" / "RESULTS.md"
HEAD = """# Results of the benchmarks

<!-- written by scripts/results.py from bench/results.json: change that file, and run the script -->
Each section has the command that prints its figures, the date and the machine.
"""
_MARKED = re.compile(r"<!-- results: ([\w-]+)(?:\.([\w-]+))? -->.*?<!-- /results -->", re.DOTALL)
_NUMBER = re.compile(r"[*+]*[\d-]")

Record = dict[str, Any]


def records() -> dict[str, Record]:
    """Return all records by their ids, in the file's order."""
    return {each["id"]: each for each in json.loads(RECORDS.read_text())}


def results_page(all_records: dict[str, Record]) -> str:
    """Return bench/RESULTS.md."""
    return HEAD + "".join(_section(each) for each in all_records.values())


def filled(page: Path, all_records: dict[str, Record]) -> str:
    """Return a page with the present figures between its markers."""
    up = "../" * len(page.relative_to(ROOT).parents[:-1])

    def replace(match: re.Match[str]) -> str:
        ident, name = match.groups()
        record = all_records[ident]
        if name:
            value = record["figures"][name]["value"]
            return f"<!-- results: {ident}.{name} -->{value}<!-- /results -->"
        source = f"[{record['title']}]({up}bench/RESULTS.md#{anchor(record['title'])})"
        where = f"`{record['command']}`, {record['date']}. Machine and notes: {source}."
        return f"<!-- results: {ident} -->\n{_table(record)}\n{_wrapped(where)}\n<!-- /results -->"

    return _MARKED.sub(replace, page.read_text())


def pages() -> list[Path]:
    """Return the pages that may have markers."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchor(title: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _section(record: Record) -> str:
    takes = f" ({record['takes']})" if "takes" in record else ""
    measured = f"`{record['command']}`{takes}, {record['date']}, {record['machine']}."
    parts = [f"\n## {record['title']}\n", _wrapped(measured)]
    parts += [_wrapped(each) for each in record.get("note", [])]
    if "columns" in record:
        parts.append(_table(record))
    figures = record.get("figures", {}).values()
    parts.append("".join(f"- {each['is']}: {each['value']}\n" for each in figures))
    parts += [_wrapped(each) for each in record.get("after", [])]
    return "\n".join(part for part in parts if part)


def _table(record: Record) -> str:
    columns, rows = record["columns"], record["rows"]
    right = [all(_NUMBER.match(row[at] or "0") for row in rows) for at in range(len(columns))]
    rule = ["---:" if each else "---" for each in right]
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, rule, *rows))


def _wrapped(text: str) -> str:
    lines = textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or with --check compare them; return the exit status."""
    all_records = records()
    wanted = {RESULTS: results_page(all_records)} | {
        page: filled(page, all_records) for page in pages()
    }
    stale = [page for page, text in wanted.items() if page.read_text() != text]
    if "--check" in sys.argv[1:]:
        for page in stale:
            name = page.relative_to(ROOT)
            print(f"{name} differs from bench/results.json: run scripts/results.py")
        return bool(stale)
    for page in stale:
        page.write_text(wanted[page])
    return 0


if __name__ == "__main__":
    sys.exit(main())
