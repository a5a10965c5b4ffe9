"""bench/to_accuracy.py's logic: a tiny network on a processor."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import timm
from PIL import Image

from tests.model.pictures import picture, saved, write

BENCH = Path(__file__).resolve().parents[2] / "bench"
TINTS = {"beagle": (230, 30, 30), "boxer": (30, 30, 230)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red beagles and blue boxers."""
    folder, number = tmp_path_factory.mktemp("photos"), 0
    for breed, tint in TINTS.items():
        for split, count in (("train", 8), ("valid", 4), ("test", 2)):
            for _ in range(count):
                made = Image.blend(picture(number), Image.new("RGB", (160, 120), tint), 0.7)
                write(folder / split / breed / f"{number}.jpg", saved(made))
                number += 1
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights, since the hub may be out of reach."""
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), file)
    return file


def run(photos: Path, weights: Path, accuracy: float, limit: float) -> dict[str, object]:
    command = [sys.executable, str(BENCH / "to_accuracy.py"), "--data", str(photos)]
    command += ["--accuracy", str(accuracy), "--limit", str(limit), "--backbone", "test_resnet"]
    command += ["--backbone-weights", str(weights)]
    command += ["--size", "64", "--batch", "8", "--epochs", "2", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.slow
def test_a_reached_accuracy_has_its_seconds(photos: Path, weights: Path) -> None:
    result = run(photos, weights, 0.5, 90)
    assert result["accuracy"] == 0.5
    for name in ("seconds", "torchvision_seconds"):
        seconds = result[name]
        assert isinstance(seconds, float) and 0 < seconds < 90, result


@pytest.mark.slow
def test_an_accuracy_out_of_reach_has_no_seconds(photos: Path, weights: Path) -> None:
    result = run(photos, weights, 1.1, 4)
    assert (result["seconds"], result["torchvision_seconds"]) == (None, None)
