"""docs/well-architected.md: each answer points at something that exists."""

import re

import pytest

from tests.stack import ROOT

DOCUMENT = (ROOT / "docs" / "well-architected.md").read_text()
ROWS = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and "---" not in line]
ANSWERS = [row for row in ROWS if not row.endswith("| shown by |")]
PLACES = sorted(set(re.findall(r"`([\w./-]+)::([^`]+)`", DOCUMENT)))


def test_every_answer_shows_its_place() -> None:
    assert len(ANSWERS) > 30
    for row in ANSWERS:
        shown = row.strip("|").split("|")[-1]
        assert re.search(r"`[\w./-]+::[^`]+`", shown), row


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_the_place_exists(file: str, name: str) -> None:
    text = (ROOT / file).read_text()
    wanted = f"def {name}(" if file.startswith("tests/") else name
    assert wanted in text


@pytest.mark.parametrize(
    "question",
    [
        f"{pillar} {number}:"
        for pillar, count in (("OPS", 2), ("SEC", 3), ("REL", 2), ("PERF", 1), ("COST", 1))
        for number in range(1, count + 1)
    ],
)
def test_every_question_of_the_serverless_lens_is_answered(question: str) -> None:
    assert any(row.startswith(f"| {question}") for row in ANSWERS)
