"""Classify photos from the shell: print a table, JSON or CSV.

    python model/classify.py --model trained/model.tar.gz photo.jpg folder/

Folders are searched for JPEG, PNG and WebP by the files' bytes, and what is left out is listed on
stderr. A photo that cannot be classified has its reason in its row, and the exit status is then 1.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dogbreeds.photos.photo_files import (
    LeftOut,
    find_photos,
    left_out_lines,
    printable,
)
from dogbreeds.serving.script import ending_in_a_sentence

if TYPE_CHECKING:
    from dogbreeds.serving.local import Classifier

COLUMNS = ("photo", "breed", "probability", "dog?", "ms")
_RIGHT = {"probability", "ms"}  # aligned to the right
CSV_COLUMNS = ("photo", "breed", "probability", "is_dog", "milliseconds", "problem")


@dataclass(frozen=True)
class Row:
    """What is printed for a photo; with --json, as one line of JSON."""

    photo: str
    is_dog: bool | None = None
    breeds: list[tuple[str, float]] = field(default_factory=list)  # the most probable first
    milliseconds: float = 0.0
    status: int | None = None  # of HTTP, where a photo went through the API
    problem: str | None = None
    dog: str | None = None  # "yes", "perhaps" or "no"
    likely: list[str] | None = None  # breeds, where the package can make such sets
    explain: dict[str, str] | None = None  # with --explain: the first breed, and its heat map

    def cells(self) -> tuple[str, ...]:
        """Return the cells of `COLUMNS`."""
        took = f"{self.milliseconds:.0f}" if self.milliseconds else ""
        if self.problem:
            return printable(self.photo), printable(self.problem), "", "", took
        if not self.is_dog:
            return printable(self.photo), "-", "", "no", took
        breed, probability = self.breeds[0]
        dog = self.dog or "yes"
        return printable(self.photo), printable(breed), f"{probability:.2f}", dog, took

    def csv_cells(self) -> tuple[object, ...]:
        """Return the cells of `CSV_COLUMNS`; a breed is there only for a dog."""
        breed, probability = self.breeds[0] if self.is_dog else ("", "")
        is_dog = "" if self.is_dog is None else ("yes" if self.is_dog else "no")
        took = round(self.milliseconds, 1) if self.milliseconds else ""
        return printable(self.photo), breed, probability, is_dog, took, self.problem or ""


def classify(
    model: "Classifier", photos: Sequence[Path], top: int | None = None, explain: bool = False
) -> Iterator[Row]:
    """Yield the row of each photo, in their order; they are decoded on all cores."""
    from dogbreeds.photos.decode import PhotoError  # noqa: PLC0415

    def row(photo: Path) -> Row:
        try:
            answer = model.classify(photo, top=top, explain=explain)
        except PhotoError as error:
            return Row(str(photo), problem=str(error))
        except OSError as error:
            return Row(str(photo), problem=f"cannot be read ({error.strerror})")
        breeds = [(each["breed"], each["probability"]) for each in answer["breeds"]]
        return Row(
            str(photo),
            answer["is_dog"],
            breeds,
            answer["took_ms"],
            dog=answer["dog"],
            likely=answer.get("likely"),
            explain=cast("dict[str, str] | None", answer.get("explain")),
        )

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(row, photos)


def main(arguments: Sequence[str] | None = None) -> None:
    """Classify the photos named on the command line."""
    options = _options(arguments)
    left_out: list[LeftOut] = []
    with ending_in_a_sentence():
        photos = _photos(options, left_out)
        # Only here: a typing mistake is answered before what takes half a second to import.
        from dogbreeds.serving.local import load  # noqa: PLC0415

        model = load(options.model)
        if options.top and options.top > len(model.breeds):
            sys.exit(f"--top is {options.top}; the model knows {len(model.breeds)} breeds.")
        rows = classify(model, photos, options.top, options.explain)
        failed = _print(rows, left_out, options)
    sys.exit(1 if failed else 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Name the breed in each photo, without a cloud.")
    parser.add_argument("photos", type=Path, nargs="*", help="photos, or folders of photos")
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz, or its folder")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument(
        "--top", type=int, metavar="N", help="breeds of each photo with --json; 5 without it"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="with --json, add a heat map of the parts that spoke for the first breed (a PNG in "
        "base64, to lay over the photo)",
    )
    parser.add_argument(
        "--files0-from",
        metavar="FILE",
        help="read the photos' names from FILE (- is stdin), each with a zero byte behind it",
    )
    options = parser.parse_args(arguments)
    if bool(options.photos) == bool(options.files0_from):
        parser.error("name photos or folders of photos, or --files0-from FILE")
    if options.top is not None and options.top < 1:
        parser.error(f"--top is {options.top}, expected a whole number from 1")
    return options


def _photos(options: argparse.Namespace, left_out: list[LeftOut]) -> list[Path]:
    if not options.files0_from:
        return find_photos(options.photos, left_out.append)
    listed = options.files0_from
    names = sys.stdin.buffer.read() if listed == "-" else Path(listed).read_bytes()
    return [Path(os.fsdecode(name)) for name in names.split(b"\0") if name]


def _print(rows: Iterator[Row], left_out: Sequence[LeftOut], options: argparse.Namespace) -> bool:
    """Print the rows, each as soon as it is there; return whether a photo has a problem."""
    shown: list[Row] = []
    out = csv.writer(sys.stdout, lineterminator="\n")
    if options.csv:
        out.writerow(CSV_COLUMNS)
    without = [Row(str(each.path), problem=f"left out: {each.reason}") for each in left_out]
    for row in chain(rows, without if options.json or options.csv else []):
        shown.append(row)
        if options.json:
            print(json.dumps(asdict(row)), flush=True)
        elif options.csv:
            out.writerow(row.csv_cells())
    if not (options.json or options.csv):
        _print_table(shown)
        for line in left_out_lines(left_out):
            print(line, file=sys.stderr)
    return any(row.problem for row in shown if row not in without)


def _print_table(rows: Sequence[Row]) -> None:
    """Print `COLUMNS`, as wide as their longest cells; a problem may be longer."""
    lines = [COLUMNS, *(row.cells() for row in rows)]
    fitted = [COLUMNS, *(row.cells() for row in rows if not row.problem)]
    widths = [max(map(len, column)) for column in zip(*fitted, strict=True)]
    widths[0] = max(len(line[0]) for line in lines)
    for line in lines:
        cells = [
            text.rjust(width) if name in _RIGHT else text.ljust(width)
            for name, text, width in zip(COLUMNS, line, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())
