import os
import subprocess
import sys
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parents[4] / "model"


def failing(statement: str, folder: str) -> int:
    script = (
        "from dogbreeds.training.failure import record_failure_reason\n"
        f"with record_failure_reason():\n    {statement}"
    )
    environment = {**os.environ, "PYTHONPATH": str(MODEL), "SM_OUTPUT_DIR": folder}
    run = [sys.executable, "-c", script]
    return subprocess.run(run, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("statement", "status", "reason"),
    [
        ("raise SystemExit('No photos; add some.')", 1, "No photos; add some."),
        ("raise OSError(28, 'No space left on device')", 1,
         "OSError: [Errno 28] No space left on device"),
        ("raise SystemExit('x' * 5000)", 1, "x" * 1024),
        ("raise SystemExit(0)", 0, None),
        ("pass", 0, None),
    ],
)  # fmt: skip
def test_reason(statement: str, status: int, reason: str | None, tmp_path: Path) -> None:
    assert failing(statement, str(tmp_path)) == status
    file = tmp_path / "failure"
    assert (file.read_text() if file.exists() else None) == reason


def test_outside_sagemaker_there_is_no_such_file() -> None:
    assert failing("raise SystemExit('No photos.')", "") == 1
