"""docs/cli.md, and the completion that it names."""

import os
import subprocess
import sys

import pytest

from scripts import cli_docs


def test_the_page_is_that_of_the_commands_help() -> None:
    assert cli_docs.TARGET.read_text() == cli_docs.text(), "run scripts/cli_docs.py"


@pytest.mark.parametrize(
    ("typed", "completed"), [("kennel cl", {"classify"}), ("kennel up --fr", {"--fresh"})]
)
def test_a_shell_completes_commands_and_options(typed: str, completed: set[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv[0] = 'kennel'; from kennel.cli import main; main()",
        ],
        env={**os.environ, **words, "_KENNEL_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == completed, done.stderr
