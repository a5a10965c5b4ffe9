"""The planner's commands as README.md and the guides show them, over a shorter time."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kennel.cli import app
from kennel.paths import TEMPLATE

ROOT = TEMPLATE.parent
_LINE = re.compile(r"^(?:\.venv/bin/)?kennel (plan .+?)(?:\s+#.*)?$", re.MULTILINE)
PAGES = ("README.md", "docs/planner.md", "docs/scale.md", "docs/how-to/cut-the-cost.md")
SHOWN = sorted(
    {
        line
        for name in PAGES
        for line in _LINE.findall((ROOT / name).read_text().replace("\\\n", ""))
    }
)
REPLAYS = "--replay"  # starts a cloud and takes minutes: test_replay.py


def test_each_page_shows_its_commands() -> None:
    assert len(SHOWN) >= 5
    assert any(REPLAYS in line for line in SHOWN)


@pytest.mark.parametrize("line", [line for line in SHOWN if REPLAYS not in line])
def test_a_command_that_is_shown_works(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = datetime(2026, 11, 2, 9, tzinfo=UTC)
    rows = [f"{(begin + timedelta(minutes=i)).isoformat()},{120 + i}" for i in range(20)]
    (tmp_path / "calls.csv").write_text("timestamp,count\n" + "\n".join(rows) + "\n")
    arguments = shlex.split(line)
    if "--length" in arguments:
        arguments[arguments.index("--length") + 1] = "20m"
    else:
        arguments += ["--length", "20m"]
    arguments += ["--template", str(TEMPLATE)]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "Warning" not in done.stderr
    assert "how requests end" in done.stdout
    assert "serverless inference" in done.stdout
    for name in re.findall(r"--report (\S+)", line):
        assert (tmp_path / name).read_text().startswith("<!doctype html>")
    if "--slo" in line:
        assert "settings that meet" in done.stdout or "meets" in done.stdout


def test_the_readme_s_excerpt_is_what_its_command_prints() -> None:
    readme = (ROOT / "README.md").read_text()
    (line,) = [each for each in SHOWN if "spike" in each and f"{each} " in readme]
    excerpt = readme[readme.index("A month of this traffic") :].partition("```")[0]
    arguments = shlex.split(line)
    del arguments[arguments.index("--report") :]
    done = CliRunner().invoke(app, [*arguments, "--template", str(TEMPLATE)])
    printed = " ".join(done.stdout.split())
    for sentence in excerpt.strip().splitlines():
        assert sentence.removesuffix(" ...") in printed


def test_the_replay_that_is_shown_is_a_command() -> None:
    (line,) = [line for line in SHOWN if REPLAYS in line]
    done = CliRunner().invoke(app, [*shlex.split(line), "--seed", "x"])
    assert done.exit_code == 2
    assert "'--seed'" in done.stderr  # all else of the line was understood
    assert "No such option" not in done.stderr
