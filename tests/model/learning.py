"""A training on made pictures, and the features that tests of the head learn from."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.network.head import Samples
from tests.model.pictures import write

TRAIN = Path(__file__).resolve().parents[2] / "model" / "train.py"


def photos_of(
    folder: Path, breeds: tuple[str, ...], counts: dict[str, int], first: int = 0
) -> Path:
    """Write `counts` pictures a breed and split."""
    number = first
    for breed in breeds:
        for split, count in counts.items():
            for _ in range(count):
                write(folder / split / breed / f"{number}.jpg", number)
                number += 1
    return folder


def run_train(*flags: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TRAIN), *map(str, flags)], capture_output=True, text=True, check=False
    )


def clouds(
    seed: int, each: int, breeds: int = 3, channels: int = 12, spread: float = 1.0
) -> Samples:
    """Points around one centre a breed; the centres are the same for every seed."""
    centres: NDArray[np.float32] = np.eye(breeds, channels, dtype=np.float32) * 3
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(breeds), each).astype(np.int64)
    noise = random.normal(0, spread, (len(labels), channels)).astype(np.float32)
    return Samples(centres[labels] + noise, labels)
