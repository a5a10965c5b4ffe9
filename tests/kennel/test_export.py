"""`kennel export` runs model/export.py."""

import subprocess
import sys
from pathlib import Path

from kennel.paths import ROOT


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kennel.cli", "export", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(tmp_path / "typo", "--to", "openvino", "--out", out)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no {tmp_path}/typo; name the model.tar.gz of a training.\n"
    assert not out.exists()
    assert run("m", "--to", "tflite", "--out", out).returncode == 2
