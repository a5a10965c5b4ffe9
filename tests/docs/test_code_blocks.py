"""Every command and program of a page runs in a test, or says why not."""

import re
from pathlib import Path

import pytest

from tests.guide import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    str(page.relative_to(ROOT)) for page in (*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md")))
]
RUNNABLE = {"sh", "bash", "python", "js", "javascript"}
_TEST = re.compile(r"tests/[\w/.-]*\w")


@pytest.mark.parametrize("page", PAGES)
def test_each_code_runs_or_says_why_not(page: str) -> None:
    all_blocks = blocks(page)
    assert len(all_blocks) == (ROOT / page).read_text().count("```") // 2
    for each in all_blocks:
        if each.language not in RUNNABLE:
            continue
        if each.mark.startswith("runs in "):
            test = ROOT / each.mark.removeprefix("runs in ")
            assert test.is_file(), (page, each.mark)
            assert page in test.read_text(), f"{test} names no {page}"
        else:
            assert each.mark.startswith("not run: "), f"{page}: unmarked\n{each.code}"
            for named in _TEST.findall(each.mark):
                assert (ROOT / named).exists(), (page, each.mark)
