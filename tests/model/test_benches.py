"""bench/few_shot.py on real photos."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.shared
@pytest.mark.slow
def test_few_photos_a_breed_are_enough(shared_data: Path) -> None:
    command = [sys.executable, str(BENCH / "few_shot.py"), "--splits", "3"]
    command += ["--data", str(shared_data / "pets13"), "--notdogs", str(shared_data / "notdogs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["top1"] >= max(0.94, result["rival_top1"])
    assert result["auroc_not_dog"] >= 0.99
    assert result["ece_above_floor"] <= 0.03
