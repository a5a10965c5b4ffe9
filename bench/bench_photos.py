"""Photos of a given size for bench/train_gpu.py: generated from a seed, or enlarged."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from dogbreeds.data.dataset import Dataset, Photo, read

SIDE = 500  # pixels of the photos' shorter side
MADE = {"train": 100, "valid": 10, "test": 1}  # photos a breed
GRAIN = 9.0  # of 255; it makes a photo of 667 x 500 have 138 KB


def enlarged(dataset: Dataset, folder: Path, side: int) -> Path:
    """Write the photos with a shorter side of `side` to `folder`, and return it."""

    def write(photo: Photo) -> None:
        out = folder / photo.split / photo.breed / f"{photo.path.stem}.jpg"
        out.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(photo.path) as image:
            scale = side / min(image.size)
            size = round(image.width * scale), round(image.height * scale)
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(out, quality=90)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, dataset.photos))
    return folder


def made(folder: Path, counts: Mapping[str, int], side: int, breeds: int = 10) -> Path:
    """Generate `counts` photos a breed and split, 4 to 3: clouds at three scales and a grain."""
    size = round(side * 4 / 3), side

    def write(numbered: tuple[int, Path]) -> None:
        number, out = numbered
        random = np.random.default_rng(number)
        light = np.full((size[1], size[0], 3), 128, np.float32)
        for cells, strength in ((4, 60), (16, 40), (64, 25)):
            coarse = Image.fromarray(random.integers(0, 256, (cells, cells, 3), np.uint8))
            smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)
            light += strength * (smooth / 127.5 - 1)
        light += GRAIN * random.standard_normal((size[1], size[0], 1), np.float32)
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(out, quality=90)

    paths = [
        folder / split / f"breed-{breed}" / f"{number}.jpg"
        for split, count in counts.items()
        for breed in range(breeds)
        for number in range(count)
    ]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, enumerate(paths)))
    return folder


def photos_of(data: Path | None, side: int, folder: Path) -> Dataset:
    """Return the photos of `data` with a shorter side of `side`, or generated ones."""
    if data is None:
        return read(made(folder, MADE, side or SIDE))
    return read(enlarged(read(data), folder, side)) if side else read(data)
