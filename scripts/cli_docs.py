"""Write docs/cli.md from the commands' own help: `.venv/bin/python scripts/cli_docs.py`.

typer writes its Markdown, but for `kennel train`, whose script explains its settings itself. Run it
after changing an option or its help; a test compares.
"""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "cli.md"
HEAD = """# Commands

<!-- written by scripts/cli_docs.py -->
`.venv/bin/kennel COMMAND --help` prints the same. `.venv/bin/kennel --install-completion` completes
commands and options in bash, zsh, fish and PowerShell.
"""


def text() -> str:
    """Return the page."""
    written = html.unescape(
        _output("-m", "typer", "kennel.cli", "utils", "docs", "--name", "kennel")
    )
    # typer shortens its list of commands, which the headings are anyhow.
    commands = "\n## " + written.partition("\n## ")[2].rstrip() + "\n"
    training = _output("-m", "kennel.cli", "train", "--help").rstrip()
    body = f"## `kennel train`\n\n```text\n{training}\n```\n\n"
    section = re.compile(r"## `kennel train`\n.*?(?=## `kennel|\Z)", re.DOTALL)
    return HEAD + section.sub(lambda _: body, commands).replace(f"{ROOT}/", "")


def _output(*arguments: str) -> str:
    # argparse wraps at the terminal's width; the variable names the program in its usage.
    env = {**os.environ, "COLUMNS": "100", "KENNEL_PROGRAM": "kennel train", "NO_COLOR": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    return done.stdout


if __name__ == "__main__":
    TARGET.write_text(text())
