"""Pictures for tests of data: made, not photographed; each number gives another one."""

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(number: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A cloudy picture with structure at several scales and sharp edges, as photos have."""
    random = np.random.default_rng(number)
    total = np.zeros((size[1], size[0], 3), np.float32)
    for cells, weight in ((3, 1.0), (6, 0.6), (12, 0.4), (24, 0.2)):
        coarse = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        kind = Image.Resampling.BICUBIC if cells < 24 else Image.Resampling.NEAREST
        total += weight * np.asarray(Image.fromarray(coarse).resize(size, kind), np.float32)
    return Image.fromarray((total / 2.2).astype(np.uint8))


def saved(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@functools.cache
def jpeg(number: int) -> bytes:
    """The JPEG of a picture; many tests write the same ones."""
    return saved(picture(number))


def write(path: Path, body: bytes | int) -> Path:
    """Write bytes, or the JPEG of a picture's number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(body) if isinstance(body, int) else body)
    return path


def kennel_of(folder: Path, train: int = 6, valid: int = 2, test: int = 2) -> Path:
    """A sound data set of two breeds."""
    number = 0
    for breed in ("beagle", "boxer"):
        for split, count in (("train", train), ("valid", valid), ("test", test)):
            for _ in range(count):
                write(folder / split / breed / f"{number}.jpg", number)
                number += 1
    return folder
