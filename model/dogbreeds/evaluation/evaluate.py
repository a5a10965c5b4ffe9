"""Evaluate a model package on labelled photos: print a table, and one line of JSON at the end.

    python model/evaluate.py --model model.tar.gz --data FOLDER [--notdogs FOLDER]
    python model/evaluate.py --model model.tar.gz --data FOLDER --all    # photos new to the model

Photos go through the engine as they do when served. FOLDER is read as training reads it, and only
its test photos count: those in test/, or, where it has no such folder, those that training takes
out of it. Files that cannot be decoded are listed and left out. A photo takes about 20 ms on two
cores.
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

from dogbreeds.data.audit import accepted_kinds, listing, sentence
from dogbreeds.data.audit_rules import Finding, is_imagenet_name, of_folders, of_photos
from dogbreeds.data.dataset import DataError, Dataset, read_test, read_unsorted
from dogbreeds.evaluation.calibrate import COVERAGE
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
from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import PackageError, PreprocessConfig
from dogbreeds.photos.decode import LoadPhoto, PhotoError, load_photo
from dogbreeds.photos.preprocess import prepare
from dogbreeds.photos.quality import measure_quality
from dogbreeds.serving.inference import Engine, model_fn
from dogbreeds.training.progress import Progress

BATCH = 8  # photos in one call of the engine
TOP = 5  # of the second accuracy, which is given where the model has more breeds than these
MOST_CONFUSED, EXAMPLES = 12, 4  # pairs in the report, and photos of each


@dataclass(frozen=True)
class Predictions:
    """A model's outputs for photos, in their order."""

    logits: Floats  # (photos, breeds), uncalibrated
    scores: Floats  # (photos,), the dog scores


def predict_photos(
    engine: Engine,
    config: PreprocessConfig,
    photos: Sequence[Path],
    load: LoadPhoto = load_photo,
) -> Predictions:
    """Run an engine on photos that are preprocessed by `config`.

    Parameters
    ----------
    load : callable
        Reads and decodes a photo.

    Raises
    ------
    PhotoError
        A photo cannot be decoded; the message names it.
    """
    logits, scores = [], []
    with ThreadPoolExecutor(2) as pool, Progress("evaluating", len(photos)) as progress:
        for start in range(0, len(photos), BATCH):
            batch = photos[start : start + BATCH]
            pixels = list(pool.map(lambda path: prepare(load(path), config), batch))
            batch_logits, batch_scores = engine(np.stack(pixels))
            logits.append(batch_logits)
            scores.append(batch_scores)
            progress.update(len(batch))
    return Predictions(np.concatenate(logits), np.concatenate(scores))


def evaluation(
    probabilities: Floats,
    labels: Labels,
    breeds: Sequence[str],
    names: Sequence[str],
    *,
    dogs: Floats | None = None,
    others: Floats | None = None,
    known: int | None = None,
    likely: float | None = None,
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
    known : int, optional
        How many of the breeds the model has; they come first. All, unless given.
    likely : float, optional
        The card's `likely_threshold`.
    """
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    correct, confidence = predicted == labels, probabilities.max(axis=1)
    counts = confusion(predicted, labels, len(breeds))
    recall_of_breeds = recalls(counts)
    measured = [recall for recall in recall_of_breeds if recall is not None]
    return {
        "photos": len(labels),
        "breeds": list(breeds),
        "top1": float(correct.mean()),
        "top1_interval": list(wilson(int(correct.sum()), len(labels))),
        "top5": top_k(probabilities, labels, TOP) if (known or len(breeds)) > TOP else None,
        "macro_recall": float(np.mean(measured)),
        "ece": ece(confidence, correct),
        "loss": loss(probabilities, labels),
        "auroc_not_dog": auroc(dogs, others) if dogs is not None and others is not None else None,
        "likely": _likely(probabilities, labels, likely) if likely is not None else None,
        "per_breed": {
            breed: {"recall": recall, "photos": int(photos)}
            for breed, recall, photos in zip(
                breeds, recall_of_breeds, counts.sum(axis=1), strict=True
            )
        },
        "confusion": counts.tolist(),
        "most_confused": _most_confused(counts, predicted, labels, breeds, names),
        "reliability": reliability(confidence, correct),
        "imagenet_photos": sum(is_imagenet_name(name) for name in names),
        "live": None,
    }


def _likely(probabilities: Floats, labels: Labels, threshold: float) -> dict[str, Any]:
    """Return how often the sets of likely breeds hold the right one, and how large they are.

    `of_threshold` is of the breeds at or above the threshold alone, which `COVERAGE` was fitted
    for. The sets in answers also hold the most probable breed, so those of a model that is right
    more often than that hold the right breed more often too.
    """
    at_threshold = probabilities >= threshold
    sets = at_threshold.copy()
    rows = np.arange(len(labels))
    sets[rows, probabilities.argmax(axis=1)] = True
    held, answered = int(at_threshold[rows, labels].sum()), int(sets[rows, labels].sum())
    return {
        "asked": COVERAGE,
        "of_threshold": held / len(labels),
        "of_threshold_interval": list(wilson(held, len(labels))),
        "coverage": answered / len(labels),
        "coverage_interval": list(wilson(answered, len(labels))),
        "mean_size": float(sets.sum(axis=1).mean()),
    }


def _most_confused(
    counts: NDArray[np.int64],
    predicted: Labels,
    labels: Labels,
    breeds: Sequence[str],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(index), len(breeds)) for index in order]
    return [
        {
            "truth": breeds[true],
            "said": breeds[said],
            "count": int(wrong[true, said]),
            "photos": [
                names[i] for i in np.flatnonzero((labels == true) & (predicted == said))[:EXAMPLES]
            ],
        }
        for true, said in pairs
        if wrong[true, said]
    ]


def evaluate_package(
    package: Path,
    data: Path,
    notdogs: Path | None = None,
    *,
    whole: bool = False,
    accepted: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Evaluate an unpacked package on a folder of photos.

    A photo of a breed that the model lacks counts as wrong. So does the prediction of a breed that
    the folder lacks.

    Parameters
    ----------
    whole : bool
        Every photo of the folder counts, not only those for the test.
    accepted : frozenset of str
        Kinds of the audit's findings that are left out, as in training.

    Raises
    ------
    DataError, PackageError
        The message is one sentence.
    """
    model = model_fn(str(package))
    # A model that nobody trained, the pretrained one, has no data in its card.
    dataset = read_test(data, whole, is_unseen=not model.card.data)
    dataset, findings = _sound(dataset, accepted)
    photos = dataset.photos
    own = [breed.breed for breed in model.breeds]
    # the folder's names are matched with the model's breeds by synset, then by name
    column = on_breeds_of(np.arange(len(own), dtype=float)[None], model.breeds, dataset.labels)[0]
    missing = [
        label.breed
        for label, index in zip(dataset.labels, column, strict=True)
        if not np.isfinite(index)
    ]
    breeds = own + missing
    index_of = {
        label.breed: int(index) if np.isfinite(index) else breeds.index(label.breed)
        for label, index in zip(dataset.labels, column, strict=True)
    }
    dogs = predict_photos(model.engine, model.card.input, [photo.path for photo in photos])
    probabilities = softmax(dogs.logits, model.card.temperature)
    probabilities = np.pad(probabilities, ((0, 0), (0, len(missing))))
    others = None
    if notdogs is not None:
        without_dogs, more = _sound(read_unsorted(notdogs), accepted)
        findings += more
        files = [photo.path for photo in without_dogs.photos]
        others = predict_photos(model.engine, model.card.input, files).scores
    labels = np.array([index_of[photo.breed] for photo in photos], np.int64)
    names = [photo.name for photo in photos]
    result = evaluation(
        probabilities,
        labels,
        breeds,
        names,
        dogs=dogs.scores,
        others=others,
        known=len(own),
        likely=model.card.likely_threshold,
    )
    return result | {
        "model": model.label,
        "breeds_missing": missing,
        "split_by_content": bool(dataset.made_splits),
        "findings": {finding.kind: len(finding.files) for finding in findings},
        "notes": _notes(findings),
    }


def _sound(dataset: Dataset, accepted: frozenset[str]) -> tuple[Dataset, list[Finding]]:
    """Return the photos that can be decoded, and what the audit finds that is not evaluated."""
    qualities = measure_quality([photo.path for photo in dataset.photos])
    findings = [
        finding
        for finding in (*of_photos(dataset, qualities), *of_folders(dataset))
        if finding.items and finding.kind in {"unreadable", "outside", *accepted}
    ]
    left_out = {photo for finding in findings for photo in finding.leaves_out}
    sound = dataset.without(left_out)
    if not sound.photos:
        lines = ["There is no photo left to evaluate on.", *_notes(findings)]
        raise DataError("\n".join(lines))
    return sound, findings


def _notes(findings: Sequence[Finding]) -> list[str]:
    rest = "model/audit.py FOLDER --out audit.json lists all"
    return [
        line
        for finding in findings
        for line in (f"{finding.kind}: {sentence(finding)}", *listing(finding, rest=rest))
    ]


def table(result: Mapping[str, Any]) -> str:
    """Return a result as a table: each breed's recall, then the metrics of all."""
    lines = [f"{'breed':32}{'photos':>8}{'recall':>9}"]
    lines += [
        f"{breed:32}{entry['photos']:8,}{entry['recall']:9.3f}"
        for breed, entry in result["per_breed"].items()
        if entry["photos"]
    ]
    low, high = result["top1_interval"]
    lines += [
        f"{'all':32}{result['photos']:8,}{result['top1']:9.3f}  (95 %: {low:.3f} to {high:.3f})",
        ("" if result["top5"] is None else f"top-{TOP} {result['top5']:.3f}, ")
        + f"mean of the breeds' recalls {result['macro_recall']:.3f}, "
        f"calibration error {result['ece']:.3f}, loss {result['loss']:.4f}",
    ]
    if result["auroc_not_dog"] is not None:
        lines.append(f"dogs against photos without a dog: AUROC {result['auroc_not_dog']:.4f}")
    if likely := result["likely"]:
        lines.append(f"sets of likely breeds: {likely_sentence(likely)}")
    if result["imagenet_photos"]:
        lines.append(
            f"NOTE: {result['imagenet_photos']:,} of {result['photos']:,} photos are ImageNet's by "
            "their names; a backbone pretrained on ImageNet has seen them: expect less on others."
        )
    return "\n".join(lines)


def likely_sentence(likely: Mapping[str, Any]) -> str:
    """Return a sentence on the coverage and size of the sets of likely breeds."""
    low, high = likely["of_threshold_interval"]
    return (
        f"{likely['coverage']:.3f} hold the right breed, {likely['mean_size']:.2f} breeds on "
        f"average; without the favourite's sure place {likely['of_threshold']:.3f} (95 %: "
        f"{low:.3f} to {high:.3f}), and {likely['asked']:.2f} is what they are fitted for"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate the package named on the command line."""
    parser = argparse.ArgumentParser(description="Evaluate a model package on labelled photos.")
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz, or its folder")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="photos as for training; those count that training leaves to the test",
    )
    parser.add_argument(
        "--all", action="store_true", help="all photos count: the model was trained on none of them"
    )
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="KIND",
        help="findings of the audit that are left out as in training, with commas",
    )
    parser.add_argument(
        "--notdogs", type=Path, help="folder of photos without a dog, for the AUROC"
    )
    given = parser.parse_args(arguments)
    try:
        accepted = accepted_kinds(given.accept)
        with unpacked(given.model) as package:
            result = evaluate_package(
                package, given.data, given.notdogs, whole=given.all, accepted=accepted
            )
    except (PackageError, DataError, PhotoError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or given.data}: {error.strerror or error}.")
    for line in result["notes"]:
        print(line)
    if result["split_by_content"]:
        print(
            f"{given.data} has no test/: the {result['photos']:,} photos count that training takes "
            "out of this folder for the test, by their content; --all takes all of them, which "
            "tells something only of a model that was trained on none."
        )
    print(table(result))
    short = {key: value for key, value in result.items() if key not in _LONG}
    print(json.dumps(short, ensure_ascii=False))


_LONG = ("breeds", "per_breed", "confusion", "most_confused", "reliability", "notes")
