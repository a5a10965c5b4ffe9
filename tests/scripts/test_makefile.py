"""Test which Python interpreter make chooses to run scripts/setup.py."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.paths import ROOT


@pytest.mark.parametrize(
    ("made_with", "expected"),
    [(sys.executable, sys.executable), ("/nowhere/python3", "python3"), (None, "python3")],
)
def test_a_venv_keeps_its_python(made_with: str | None, expected: str, tmp_path: Path) -> None:
    """make uses the Python that created .venv, and the default one if that is gone."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    if made_with:
        (tmp_path / ".venv").mkdir()
        text = f"version = 3.13.0\ncommand = {made_with} -m venv {tmp_path}/.venv\n"
        (tmp_path / ".venv" / "pyvenv.cfg").write_text(text)
    printed = subprocess.run(
        ["make", "--dry-run", "setup"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == f"{expected} scripts/setup.py\n"
