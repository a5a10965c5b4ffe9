"""How much of the host's memory a fine-tuning takes for its photos."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.dogbreeds.finetune.memory import VIEW

ROOT = Path(__file__).resolve().parents[4]
PHOTOS = 300
ALLOWED = 0.015  # GB; the photos take 0.059 decoded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host_gb", "source"), [(ALLOWED, "DecodedOnDemand"), (1.0, "CachedPixels")]
)
def test_photos_take_no_more_memory_than_is_allowed(
    host_gb: float, source: str, tmp_path: Path
) -> None:
    """An epoch over four times the allowance, from workers, and from the cache's files.

    What is in the files is the system's to keep or drop: no process holds it. So the second source
    takes no more than the first, though it may keep 1 GB there.
    """
    assert PHOTOS * VIEW.bytes_each > 3 * ALLOWED * 1e9
    program = Path(__file__).with_name("memory.py")
    paths = os.pathsep.join([str(ROOT / "model"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(host_gb), str(PHOTOS)],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["source"] == source
    assert measured["grown"] < ALLOWED * 1e9
    written = sum(path.stat().st_size for path in (tmp_path / "cache").rglob("whole-256/*.u8"))
    assert written == (PHOTOS * VIEW.bytes_each if source == "CachedPixels" else 0)
