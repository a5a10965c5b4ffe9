"""How good a model package is on labelled photos: a table, and one line of JSON at the end.

    python model/evaluate.py --model model.tar.gz --data FOLDER [--notdogs FOLDER]

Photos go through the engine as they do when served. FOLDER is read as training reads it; if it has
splits, only test/ counts. About 20 ms a photo on two cores.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dogbreeds.data.audit_rules import is_imagenet_name
from dogbreeds.data.dataset import DataError, read_split
from dogbreeds.evaluation.compare import on_breeds_of
from dogbreeds.evaluation.metrics import (
    Floats,
    Labels,
    auroc,
    confusion,
    ece,
    loss,
    recalls,
    reliability,
    softmax,
    top_k,
    wilson,
)
from dogbreeds.package.card import PackageError, PreprocessConfig
from dogbreeds.package.write import unpacked
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.inference import Engine, model_fn
from dogbreeds.training.progress import Progress

BATCH = 8  # photos in one call of the engine
MOST_CONFUSED, EXAMPLES = 12, 4  # pairs in the report, and photos of each
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Answers:
    """What a model says of photos, in their order."""

    logits: Floats  # (photos, breeds), divided by nothing yet
    scores: Floats  # (photos,), how much of a dog each is


def answers_of(engine: Engine, step: PreprocessConfig, photos: Sequence[Path]) -> Answers:
    """Ask an engine, whose network takes photos as `step` makes them.

    Raises
    ------
    PhotoError
        A photo cannot be decoded; the message names it.
    """
    logits, scores = [], []
    with ThreadPoolExecutor(2) as pool, Progress("evaluating", len(photos)) as progress:
        for start in range(0, len(photos), BATCH):
            pixels = pool.map(lambda path: _pixels(path, step), photos[start : start + BATCH])
            found, mass = engine(np.stack(list(pixels)))
            logits.append(found.copy())
            scores.append(mass.copy())
            for _ in found:
                progress.step()
    return Answers(np.concatenate(logits), np.concatenate(scores))


def evaluation(
    probabilities: Floats,
    labels: Labels,
    breeds: Sequence[str],
    names: Sequence[str],
    *,
    dogs: Floats | None = None,
    others: Floats | None = None,
) -> dict[str, Any]:
    """Return what `evaluation.json` holds.

    Parameters
    ----------
    probabilities : ndarray, shape (photos, breeds)
        Calibrated.
    names : sequence of str
        The photos' paths within the data.
    dogs, others : ndarrays
        Dog scores of these photos and of photos without a dog, where there are any.
    """
    said = probabilities.argmax(axis=1).astype(np.int64)
    right, confidence = said == labels, probabilities.max(axis=1)
    counts = confusion(said, labels, len(breeds))
    found = recalls(counts)
    measured = [recall for recall in found if recall is not None]
    return {
        "photos": len(labels),
        "breeds": list(breeds),
        "top1": float(right.mean()),
        "top1_interval": list(wilson(int(right.sum()), len(labels))),
        "top5": top_k(probabilities, labels, 5),
        "macro_recall": float(np.mean(measured)),
        "ece": ece(confidence, right),
        "loss": loss(probabilities, labels),
        "auroc_not_dog": auroc(dogs, others) if dogs is not None and others is not None else None,
        "per_breed": {
            breed: {"recall": recall, "photos": int(photos)}
            for breed, recall, photos in zip(breeds, found, counts.sum(axis=1), strict=True)
        },
        "confusion": counts.tolist(),
        "most_confused": _most_confused(counts, said, labels, breeds, names),
        "reliability": reliability(confidence, right),
        "imagenet_photos": sum(is_imagenet_name(name) for name in names),
        "live": None,
    }


def _most_confused(
    counts: NDArray[np.int64],
    said: Labels,
    labels: Labels,
    breeds: Sequence[str],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(place), len(breeds)) for place in order]
    return [
        {
            "truth": breeds[true],
            "said": breeds[other],
            "count": int(wrong[true, other]),
            "photos": [
                names[i] for i in np.flatnonzero((labels == true) & (said == other))[:EXAMPLES]
            ],
        }
        for true, other in pairs
        if wrong[true, other]
    ]


def evaluate_package(package: Path, data: Path, notdogs: Path | None = None) -> dict[str, Any]:
    """Evaluate an unpacked package on a folder of photos.

    Breeds of the folder that the model lacks count as wrong; those that the folder lacks may be
    said, and are wrong too.
    """
    model = model_fn(str(package))
    dataset = read_split(data, "test")
    photos = dataset.photos
    own = [breed.breed for breed in model.breeds]
    # the folder's names are matched with the model's breeds by synset, then by name
    column = on_breeds_of(np.arange(len(own), dtype=float)[None], model.breeds, dataset.labels)[0]
    missing = [
        label.breed
        for label, place in zip(dataset.labels, column, strict=True)
        if not np.isfinite(place)
    ]
    breeds = own + missing
    place_of = {
        label.breed: int(place) if np.isfinite(place) else breeds.index(label.breed)
        for label, place in zip(dataset.labels, column, strict=True)
    }
    found = answers_of(model.engine, model.card.input, [photo.path for photo in photos])
    probabilities = softmax(found.logits, model.card.temperature)
    probabilities = np.pad(probabilities, ((0, 0), (0, len(missing))))
    others = None
    if notdogs is not None:
        files = sorted(p for p in notdogs.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
        if not files:
            raise DataError(f"{notdogs} holds no photos; name a folder of photos without dogs.")
        others = answers_of(model.engine, model.card.input, files).scores
    labels = np.array([place_of[photo.breed] for photo in photos], np.int64)
    names = [photo.name for photo in photos]
    return evaluation(probabilities, labels, breeds, names, dogs=found.scores, others=others) | {
        "model": model.label,
        "breeds_missing": missing,
    }


def table(result: Mapping[str, Any]) -> str:
    """Return a result for people: each breed, then the means."""
    lines = [f"{'breed':32}{'photos':>8}{'recall':>9}"]
    lines += [
        f"{breed:32}{entry['photos']:8,}{entry['recall']:9.3f}"
        for breed, entry in result["per_breed"].items()
        if entry["photos"]
    ]
    low, high = result["top1_interval"]
    lines += [
        f"{'all':32}{result['photos']:8,}{result['top1']:9.3f}  (95 %: {low:.3f} to {high:.3f})",
        f"top-5 {result['top5']:.3f}, mean of the breeds' recalls {result['macro_recall']:.3f}, "
        f"calibration error {result['ece']:.3f}, loss {result['loss']:.4f}",
    ]
    if result["auroc_not_dog"] is not None:
        lines.append(f"dogs against photos without a dog: AUROC {result['auroc_not_dog']:.4f}")
    if result["imagenet_photos"]:
        lines.append(
            f"NOTE: {result['imagenet_photos']:,} of {result['photos']:,} photos are ImageNet's by "
            "their names; a backbone pretrained on ImageNet has seen them, so this flatters it."
        )
    return "\n".join(lines)


def _pixels(path: Path, step: PreprocessConfig) -> NDArray[np.uint8]:
    try:
        return prepare(wire_image(path.read_bytes()), step)
    except PhotoError as error:
        raise PhotoError(f"{path.name}: {error}") from error


def main() -> None:
    """Evaluate the package named on the command line."""
    parser = argparse.ArgumentParser(description="How good is this model on these photos?")
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz, or its folder")
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder a breed")
    parser.add_argument("--notdogs", type=Path, help="folder of photos without a dog")
    arguments = parser.parse_args()
    try:
        with unpacked(arguments.model) as package:
            result = evaluate_package(package, arguments.data, arguments.notdogs)
    except (PackageError, DataError, PhotoError) as error:
        sys.exit(str(error))
    print(table(result))
    short = {key: value for key, value in result.items() if key not in _LONG}
    print(json.dumps(short, ensure_ascii=False))


_LONG = ("breeds", "per_breed", "confusion", "most_confused", "reliability")
