"""bench/results.json, and the pages that scripts/results.py writes from it."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts import results

ROOT = Path(__file__).resolve().parents[2]
RECORDS = results.records()
MEMBERS = {"id", "title", "command", "date", "machine"}
MORE = {"takes", "note", "after", "columns", "rows", "figures"}
GENERATED = re.compile(r"<!-- results: .*?<!-- /results -->", re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_says_how_when_and_where_it_was_measured(record: dict[str, Any]) -> None:
    assert set(record) >= MEMBERS
    assert set(record) <= MEMBERS | MORE
    assert date.fromisoformat(record["date"])
    assert record["machine"]
    for row in record.get("rows", []):
        assert len(row) == len(record["columns"])


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_s_command_exists(record: dict[str, Any]) -> None:
    words = record["command"].split()
    scripts = [word for word in words if word.startswith("bench/")]
    for script in scripts:
        assert (ROOT / script).is_file()
    if not scripts and words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif not scripts:
        assert words[0] == ".venv/bin/kennel"
        assert f"## `kennel {words[1]}`" in (ROOT / "docs" / "cli.md").read_text()


def test_no_two_records_share_an_id() -> None:
    written = re.findall(r'^ {4}"id": "(.+)"', results.RECORDS.read_text(), re.MULTILINE)
    assert written == list(RECORDS)


def test_the_page_of_results_is_what_the_script_writes() -> None:
    assert results.RESULTS.read_text() == results.results_page(RECORDS)


@pytest.mark.parametrize("page", results.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_figures_in_a_guide_are_those_of_the_records(page: Path) -> None:
    text = page.read_text()
    assert text == results.filled(page, RECORDS)
    # A comment at a line's start makes the line HTML, and ends the paragraph.
    assert not re.search(r"^ *<!-- results: [\w-]+\.[\w-]+ -->", text, re.MULTILINE)
    assert text.count("<!-- results: ") == text.count("<!-- /results -->")


@pytest.mark.parametrize("page", results.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_guide_is_no_diary(page: Path) -> None:
    if "<!-- written by scripts/errors.py -->" in page.read_text():
        pytest.skip("its dates are those of error sentences")
    text = FENCED.sub("", GENERATED.sub("", page.read_text()))
    assert re.findall(r"\b20\d\d-\d\d-\d\d\b", text) == []
