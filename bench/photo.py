"""Compare three ways of a 12-megapixel JPEG from its bytes to the wire format: time, memory, top-1.

    .venv/bin/python bench/photo.py              # ../shared/data; 5 minutes on two cores
    .venv/bin/python bench/photo.py --photos 20  # fewer for top-1: a minute

"kennel" is ClassifyFunction's own code (functions/classify), "pillow" is open, convert, resize,
"torchvision" is decode_jpeg and resize. Each runs in a process of its own (photo_decoder.py); they
take turns photo by photo, so that other work on the machine slows all. The photos are woof10's test
photos enlarged to 12 megapixels (large_photos.py). What the network of the pretrained package says
of each wire gives top-1. The last line is JSON: `pillow_ratio` and `torchvision_ratio` are the
medians of their times over Kennel's for the same photo, `..._memory` the same of Kennel's peak
memory (above that before the photo) over theirs.
"""

import heads  # isort: skip  # makes model/ importable

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from dogbreeds.package.archive import unpacked
from dogbreeds.package.pretrained import write_pretrained
from dogbreeds.photos.npy import CONTENT_TYPE as NPY
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.inference import Model, input_fn, model_fn
from large_photos import large_jpeg
from photo_decoder import WAYS

DATA = heads.ROOT.parent / "shared" / "data" / "woof10" / "test"
GOALS = {"pillow_ratio": 4.0, "torchvision_ratio": 1.8}  # at least; and a quarter of their memory
Figures = dict[str, float]


class Decoder:
    """A running photo_decoder.py."""

    def __init__(self, way: str) -> None:
        script = Path(__file__).with_name("photo_decoder.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), way],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, photo: Path, wire: Path) -> Figures:
        """Decode a photo to `wire`, and return the figures of its line."""
        assert self._process.stdin and self._process.stdout
        print(f"{photo}\t{wire}", file=self._process.stdin, flush=True)
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


@contextlib.contextmanager
def decoders() -> Iterator[dict[str, Decoder]]:
    """Run a process for each way while the block runs."""
    running = {way: Decoder(way) for way in WAYS}
    try:
        yield running
    finally:
        for each in running.values():
            each.end()


def breed(model: Model, wire: bytes) -> str:
    """Return the first breed that the model names for a wire."""
    pixels = prepare(input_fn(wire, NPY).wires[0], model.card.input)
    return model.breeds[int(model.engine(pixels[None])[0][0].argmax())].breed


def measure(
    photos: list[Path], model: Model, folder: Path
) -> tuple[list[dict[str, Figures]], list[dict[str, str]], int]:
    """Return each photo's figures and first breed by way, and the mean bytes of a JPEG."""
    figures, breeds, size = [], [], 0
    jpeg, wire = folder / "photo.jpg", folder / "wire.npy"
    with decoders() as running:
        for number, photo in enumerate(photos):
            jpeg.write_bytes(large_jpeg(photo))
            size += jpeg.stat().st_size
            names = list(running)
            names = names[number % len(names) :] + names[: number % len(names)]
            row, said = {}, {}
            for way in names:
                row[way] = running[way](jpeg, wire)
                said[way] = breed(model, wire.read_bytes())
            figures.append(row)
            breeds.append(said)
    return figures, breeds, size // len(photos)


def summary(
    figures: list[dict[str, Figures]], breeds: list[dict[str, str]], truth: list[str]
) -> dict[str, object]:
    """Return the medians, the ratios of the same photo, and top-1."""

    def medians(key: str) -> dict[str, float]:
        return {way: round(median(row[way][key] for row in figures), 1) for way in WAYS}

    def ratio(key: str, over: str, under: str) -> float:
        return round(median(row[over][key] / max(row[under][key], 0.1) for row in figures), 3)

    # A process whose allocator kept an earlier photo's memory needs less for the next one.
    first = {way: round(figures[0][way]["mb"], 1) for way in WAYS}
    right = {
        way: sum(_same(said[way], name) for said, name in zip(breeds, truth, strict=True))
        for way in WAYS
    }
    result: dict[str, object] = {
        "pillow_ratio": ratio("ms", "pillow", "kennel"),
        "torchvision_ratio": ratio("ms", "torchvision", "kennel"),
        "pillow_cpu_ratio": ratio("cpu_ms", "pillow", "kennel"),
        "torchvision_cpu_ratio": ratio("cpu_ms", "torchvision", "kennel"),
        "pillow_memory": round(first["kennel"] / first["pillow"], 3),
        "torchvision_memory": round(first["kennel"] / first["torchvision"], 3),
        "photos": len(figures),
        "right": right,
        "same_first_breed": {
            way: sum(said[way] == said["kennel"] for said in breeds) for way in WAYS
        },
        "ms": medians("ms"),
        "cpu_ms": medians("cpu_ms"),
        "first_photo_mb": first,
        "whole_process_mb": {
            way: round(max(row[way]["whole_mb"] for row in figures), 1) for way in WAYS
        },
    }
    return result


def _same(breed: str, folder: str) -> bool:
    return breed.lower().replace("-", " ") == folder.lower().replace("_", " ")


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(
        description="Compare three ways of a 12-megapixel JPEG from its bytes to the wire format."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="a folder for each breed")
    parser.add_argument("--photos", type=int, default=200, help="how many, drawn with a seed")
    given = parser.parse_args()
    paths = sorted(path for path in given.data.rglob("*") if path.is_file())
    if not paths:
        sys.exit(f"no photos at {given.data}: name a folder with one for each breed by --data")
    random.Random(0).shuffle(paths)  # noqa: S311  # the same photos each time
    paths = paths[: given.photos]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        write_pretrained(Path(name) / "model.tar.gz")
        with unpacked(Path(name) / "model.tar.gz") as package:
            model = model_fn(str(package))
            figures, breeds, size = measure(paths, model, Path(name))
    result = summary(figures, breeds, [path.parent.name for path in paths])
    print(
        f"{len(paths)} JPEGs of 12 megapixels and {size / 1e6:.1f} MB; {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'way':14}{'ms':>8}{'CPU ms':>8}{'MB':>8}{'process MB':>12}{'right':>7}")
    columns = ("ms", "cpu_ms", "first_photo_mb", "whole_process_mb", "right")
    for way in WAYS:
        values = [result[column][way] for column in columns]  # type: ignore[index]
        print("{:14}{:8}{:8}{:8}{:12}{:7}".format(way, *values))
    seconds = round(time.monotonic() - begun)
    print(json.dumps({**result, "jpeg_bytes": size, "goals": GOALS, "seconds": seconds}))


if __name__ == "__main__":
    main()
