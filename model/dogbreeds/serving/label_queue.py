"""Order photos without labels by what a model would learn from most: a table, JSON or CSV.

    python model/to_label.py --model trained/model.tar.gz folder/ --count 50

Dogs come first, in the order of `data.informative`, and then photos in which the model sees no dog.
Of near-duplicates one is queued. Photos that are not queued are listed with the reason.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.data.informative import most_informative
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.archive import unpacked
from dogbreeds.photos.decode import PhotoError
from dogbreeds.photos.near_duplicates import Hash, near_duplicates, perceptual_hash
from dogbreeds.photos.photo_files import (
    LeftOut,
    NoPhotosError,
    find_photos,
    left_out_lines,
    printable,
)
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving import inference
from dogbreeds.serving.local import wire_of
from dogbreeds.serving.script import ending_in_a_sentence
from dogbreeds.training.progress import Progress, cancelled_on_exit

COUNT = 100  # photos that a person labels in an hour or two
_SURE = 0.9  # probability from which a photo is queued because it is unlike the others


@dataclass(frozen=True)
class Seen:
    """What the model makes of a photo."""

    photo: Path
    probabilities: NDArray[np.float64]  # [breeds], calibrated
    features: NDArray[np.float32]  # [channels]
    dog_score: float
    hash: Hash | None


@dataclass(frozen=True)
class Row:
    """What is printed of a photo; with --json as one line of JSON, with --csv as a row."""

    rank: int | None  # from 1; None for a photo that is not queued
    photo: str
    guess: str  # the most probable breed, "" without a dog
    probability: float | None  # of it, calibrated
    why: str


def see(photo: Path, model: inference.Model) -> Seen | LeftOut:
    """Run the model on a photo, or say why it cannot be read."""
    try:
        wire = wire_of(photo)
    except PhotoError as error:
        return LeftOut(photo, str(error))
    except OSError as error:
        return LeftOut(photo, f"cannot be read ({error.strerror})")
    logits, score, features = model.engine.embed(prepare(wire, model.card.input)[None])
    probabilities = softmax(logits[0], model.card.temperature)
    return Seen(photo, probabilities, features[0], float(score[0]), perceptual_hash(wire))


def queue(
    seen: Sequence[Seen], model: inference.Model, count: int
) -> tuple[list[Row], list[LeftOut]]:
    """Return the rows of the first `count` photos, and the near-duplicates that are left out."""
    left_out: list[LeftOut] = []
    others: set[int] = set()
    for group in near_duplicates([each.hash for each in seen]):
        kept = max(group, key=lambda index: seen[index].dog_score)
        for index in set(group) - {kept}:
            others.add(index)
            reason = f"near-duplicate of {printable(seen[kept].photo)}"
            left_out.append(LeftOut(seen[index].photo, reason))
    single = [each for index, each in enumerate(seen) if index not in others]
    dogs = [each for each in single if each.dog_score >= model.card.dog_threshold]
    no_dogs = [each for each in single if each.dog_score < model.card.dog_threshold]
    ordered: list[Seen] = []
    if dogs:
        chosen = most_informative(
            np.stack([dog.probabilities for dog in dogs]),
            np.stack([dog.features for dog in dogs]),
            count,
        )
        ordered = [dogs[index] for index in chosen]
    ordered += sorted(no_dogs, key=lambda each: -each.dog_score)
    rows = [_row(rank, each, model) for rank, each in enumerate(ordered[:count], 1)]
    return rows, sorted(left_out, key=lambda each: each.path)


def _row(rank: int, seen: Seen, model: inference.Model) -> Row:
    name = str(seen.photo)
    if seen.dog_score < model.card.dog_threshold:
        return Row(rank, name, "", None, f"no dog, by its dog score of {seen.dog_score:.3f}")
    first, *others = np.argsort(-seen.probabilities, kind="stable")[:2]
    breed, probability = model.breeds[first].breed, round(float(seen.probabilities[first]), 6)
    why = "unlike the photos above it"
    if probability < _SURE and others:
        second = others[0]
        why = f"or {model.breeds[second].breed} ({seen.probabilities[second]:.2f})"
    return Row(rank, name, breed, probability, why)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the queue of the photos named on the command line."""
    options = _options(arguments)
    left_out: list[LeftOut] = []
    with ending_in_a_sentence():
        photos = find_photos(options.photos, left_out.append)
        with unpacked(options.model) as folder:
            model = inference.load_model(folder, threads=1)  # a photo on each core
            inference.check_smoke_photo(model, folder)
        seen = _see_all(list(dict.fromkeys(photos)), model, left_out)
        rows, duplicates = queue(seen, model, options.count)
        _print(rows, [*left_out, *duplicates], options)
        if not (options.json or options.csv):
            no_dog = sum(not row.guess for row in rows)
            print(
                f"{len(rows)} of {len(seen)} photos queued, near-duplicates left out: "
                f"{len(duplicates)}, without a dog and last: {no_dog}",
                file=sys.stderr,
            )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Order photos by what a model would learn.")
    parser.add_argument("photos", type=Path, nargs="+", help="folders of photos, or photos")
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz, or its folder")
    parser.add_argument("--count", type=int, default=COUNT, help=f"photos to queue; {COUNT}")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a line of JSON for each photo")
    form.add_argument("--csv", action="store_true", help="print CSV")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error(f"--count is {options.count}, expected a whole number from 1")
    return options


def _see_all(photos: Sequence[Path], model: inference.Model, left_out: list[LeftOut]) -> list[Seen]:
    """Return what the model makes of the photos; those that cannot be read go to `left_out`."""
    seen: list[Seen] = []
    with (
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
        cancelled_on_exit(pool),
        Progress("looking at photos", len(photos)) as progress,
    ):
        for photo_or_reason in pool.map(lambda photo: see(photo, model), photos):
            progress.update()
            if isinstance(photo_or_reason, LeftOut):
                left_out.append(photo_or_reason)
            else:
                seen.append(photo_or_reason)
    if not seen:
        first = left_out[-1]
        raise NoPhotosError(
            f"none of the {len(photos)} photos can be read; {printable(first.path)}: {first.reason}"
        )
    return seen


def _print(rows: Sequence[Row], left_out: Sequence[LeftOut], options: argparse.Namespace) -> None:
    """Print the rows; with --json and --csv also what is left out, without a rank."""
    without = [Row(None, str(each.path), "", None, f"left out: {each.reason}") for each in left_out]
    if options.json:
        for row in [*rows, *without]:
            print(json.dumps(asdict(row)))
    elif options.csv:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(Row.__dataclass_fields__)
        for row in [*rows, *without]:
            cells = asdict(row).values()
            out.writerow("" if cell is None else printable(cell) for cell in cells)
    else:
        _print_table(rows)
        for line in left_out_lines(left_out):
            print(line, file=sys.stderr)


def _print_table(rows: Sequence[Row]) -> None:
    lines: list[tuple[str, ...]] = [("rank", "photo", "guess", "", "why")]
    for row in rows:
        probability = "" if row.probability is None else f"{row.probability:.2f}"
        guess = printable(row.guess) or "-"
        photo, why = printable(row.photo), printable(row.why)
        lines.append((str(row.rank), photo, guess, probability, why))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for rank, *cells in lines:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        print("  ".join([rank.rjust(widths[0]), *padded]).rstrip())
