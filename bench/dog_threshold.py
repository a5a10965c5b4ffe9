"""Count false negatives and false positives of dog detection, on good and on degraded photos.

    python bench/dog_threshold.py            # ../shared/data; 10 minutes on two cores
    python bench/dog_threshold.py --model trained/model.tar.gz --every 7

Each photo is taken as it is, as JPEG of quality 20 to 95, with 160 to 4,000 pixels on its longer
side (4,000: every fourth photo), both, and blurred by a Gaussian of 1, 2 and 4 thousandths of twice
its longer side. "before" is one threshold at 0.5, as the pretrained package had it; "no" and
"perhaps" are by the thresholds of the package's card. The last line is JSON.
"""

import heads  # isort: skip  # makes model/ importable

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from dogbreeds.evaluation.metrics import Floats
from dogbreeds.package.archive import unpacked
from dogbreeds.package.pretrained import write_pretrained
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.inference import MAX_BATCH_PHOTOS, Model, model_fn

DATA = heads.ROOT.parent / "shared" / "data"
BEFORE = 0.5
DOGS, OTHERS = ("woof10", "pets13", "photos"), "notdogs"
Condition = Callable[[Image.Image], bytes]


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return the photo as a JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def compressed(quality: int) -> Condition:
    """Return a condition: a JPEG of this quality."""
    return lambda image: jpeg(image, quality)


def sized(side: int, quality: int = 85) -> Condition:
    """Return a condition: the longer side has `side` pixels."""

    def make(image: Image.Image) -> bytes:
        scale = side / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return jpeg(image.resize(size, Image.Resampling.BICUBIC), quality)

    return make


def blurred(thousandths: int) -> Condition:
    """Return a condition: blurred by so many thousandths of twice the longer side."""

    def make(image: Image.Image) -> bytes:
        radius = thousandths * max(image.size) / 500
        return jpeg(image.filter(ImageFilter.GaussianBlur(radius)), 90)

    return make


CONDITIONS: dict[str, Condition | None] = {
    "as it is": None,
    **{f"quality {quality}": compressed(quality) for quality in (20, 35, 50, 75, 95)},
    **{f"{side} pixels": sized(side) for side in (160, 320, 1_000, 4_000)},
    "160 pixels, quality 20": sized(160, 20),
    **{f"blurred by {radius}": blurred(radius) for radius in (1, 2, 4)},
}


def scores(model: Model, photos: Sequence[Path], condition: Condition | None) -> Floats:
    """Return the dog scores of photos in a condition."""

    def pixels(photo: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        body = photo.read_bytes()
        if condition:
            body = condition(Image.open(io.BytesIO(body)).convert("RGB"))
        return prepare(wire_image(body), model.card.input)

    batches = []
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), MAX_BATCH_PHOTOS):
            batch = list(pool.map(pixels, photos[start : start + MAX_BATCH_PHOTOS]))
            batches.append(model.engine(np.stack(batch))[1].copy())
    return np.concatenate(batches)


def measure(model: Model, data: Path, every: int) -> dict[str, dict[str, float]]:
    """Return the shares of each condition, printing each as soon as it is there."""
    dogs = [photo for name in DOGS for photo in files(data / name)][::every]
    others = files(data / OTHERS)
    low, sure = model.card.dog_threshold, model.card.sure_dog_threshold or model.card.dog_threshold
    print(f"{len(dogs):,} dogs, {len(others):,} others; {model.label}: {low:g} and {sure:g}\n")
    heads_ = ("dogs: before", "no", "perhaps", "others: before", "perhaps", "yes")
    print(f"{'condition':24}" + "".join(f"{head:>16}" for head in heads_))
    result = {}
    for name, condition in CONDITIONS.items():
        few = 4 if name == "4000 pixels" else 1
        dog, other = (scores(model, group[::few], condition) for group in (dogs, others))
        shares = {
            "dogs_no_before": (dog < BEFORE).mean(),
            "dogs_no": (dog < low).mean(),
            "dogs_perhaps": ((dog >= low) & (dog < sure)).mean(),
            "others_dog_before": (other >= BEFORE).mean(),
            "others_perhaps": ((other >= low) & (other < sure)).mean(),
            "others_yes": (other >= sure).mean(),
        }
        result[name] = {key: round(float(share), 4) for key, share in shares.items()}
        row = "".join(f"{share:16.3f}" for share in result[name].values())
        print(f"{name:24}{row}", flush=True)
    return result


def files(folder: Path) -> list[Path]:
    """Return the photos in a folder and those below it."""
    kinds = {".jpg", ".jpeg", ".png"}
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in kinds)


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description="The dog threshold in good and bad photos.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", type=Path, help="a package; by default the pretrained one")
    parser.add_argument("--every", type=int, default=5, help="each how many'th dog is taken")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as folder:
        package = given.model or Path(folder) / "model.tar.gz"
        if not given.model:
            write_pretrained(package)
        with unpacked(package) as unpacked_package:
            model = model_fn(str(unpacked_package))
            result = measure(model, given.data, given.every)
    mean = {
        name: round(float(np.mean([row[name] for row in result.values()])), 4)
        for name in result["as it is"]
    }
    print(json.dumps({"mean": mean, **result}))


if __name__ == "__main__":
    main()
