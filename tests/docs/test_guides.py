"""The guides: their links, the files that they name, and the programs that call the API."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.cloud.cloud import Cloud
from kennel.demo import samples
from tests.guide import block

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
CALLS = "docs/how-to/call-the-api.md"


def text_of(guide: Path) -> str:
    """Return a Markdown page without its fenced code, where # is a comment and no heading."""
    return re.sub(r"^ *```.*?^ *```", "", guide.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(guide: Path) -> set[str]:
    """Return the anchors that GitHub makes of a guide's headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(guide), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_every_link_leads_somewhere(guide: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(guide)):
        path, _, anchor = link.partition("#")
        target = (guide.parent / path).resolve() if path else guide
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "docs/why.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    folders = "functions|model|kennel|tests|scripts|docs|statemachine|requirements|bench"
    named = re.findall(rf"`((?:{folders})/[\w./-]+?)(?:::\w+)?`", text_of(ROOT / name))
    assert named
    missing = [each for each in named if not (ROOT / each).exists() and "hello" not in each]
    assert missing == []


def test_every_make_target_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for guide in GUIDES:
        for target in re.findall(r"`make ([a-z][a-z-]+)`|^make ([a-z-]+)", guide.read_text()):
            assert "".join(target) in targets, (guide, target)


@pytest.mark.parametrize(
    ("language", "program"),
    [("sh", ["bash", "-c"]), ("python", [sys.executable, "-c"]), ("js", ["node"])],
)
def test_each_programs_example_gets_an_answer(
    language: str, program: list[str], cloud: Cloud, tmp_path: Path
) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    dalmatian = next(each for each in samples() if each.breed == "Dalmatian")
    shutil.copy(dalmatian.photo, tmp_path / "photo.jpg")
    (tmp_path / "call.mjs").write_text(block(CALLS, "js", ""))
    code = "call.mjs" if language == "js" else block(CALLS, language, "")
    done = subprocess.run(
        [*program, code],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "API": cloud.api_url, "KEY": cloud.api_key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    named = json.loads(done.stdout)["breeds"][0]["breed"] if language == "sh" else done.stdout
    assert named.strip() == "Dalmatian"


def test_a_photo_is_taken_as_a_body_a_form_and_json(cloud: Cloud, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    dalmatian = next(each for each in samples() if each.breed == "Dalmatian")
    shutil.copy(dalmatian.photo, tmp_path / "photo.jpg")
    done = subprocess.run(
        ["bash", "-ec", block("docs/api.md", "sh", "curl").replace('classify"', 'classify"; echo')],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "API": cloud.api_url, "KEY": cloud.api_key},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line)["breeds"][0]["breed"] for line in done.stdout.splitlines()]
    assert answers == ["Dalmatian"] * 3
