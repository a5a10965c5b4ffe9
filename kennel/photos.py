"""`kennel photos`: sort photos whose breeds are in a table or in their names into folders.

Training reads folders of breeds only. Kaggle's sets come with a CSV of labels, Oxford's photos are
named `beagle_12.jpg` and have lists of splits.
"""

import csv
import json
import os
import re
import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kennel.errors import KennelError
from kennel.paths import MODEL
from kennel.photo_files import find_photos
from kennel.train import kennel_as_called

_BREED_COLUMNS = ("breed", "breeds", "label", "labels", "class", "class_name", "category", "target")
_SPLIT_COLUMNS = ("split", "set", "data set", "dataset", "subset", "partition", "usage", "fold")
_MATCHED = 0.5  # of a table's rows must name a photo in one column
_NUMBERED = re.compile(r"(.*[^\W\d_].*?)[ _-]*\(?\d+\)?")  # beagle_12, Beagle (3)
_CAT = "1"  # SPECIES in Oxford's list.txt
_WORDS = MODEL / "dogbreeds/data/folders/words.json"  # what training knows of folders' names
_NOT_IN_A_NAME = re.compile(r"[/\\\x00-\x1f]")


class Label(NamedTuple):
    """The breed of a photo, and the split it belongs to."""

    breed: str
    split: str = ""  # train, valid or test; "": none


def photos(
    source: Annotated[Path, typer.Argument(help="Folder with photos, and the table or lists.")],
    out: Annotated[Path, typer.Option(help="New folder for the photos, a folder for each breed.")],
) -> None:
    """Sort photos into a folder for each breed, by a CSV of labels or by the photos' names.

    Taken are a CSV with a column of file names and one of breeds (Kaggle's labels.csv), and names
    such as beagle_12.jpg (Oxford-IIIT Pet, whose lists then give the splits and leave out the
    cats). Photos are linked, or copied to another disk. Nothing in SOURCE is changed.
    """
    typer.echo(sort_photos(source, out))


def sort_photos(source: Path, out: Path) -> str:
    """Sort the photos of `source` into `out`; return a sentence on it, and the command to run next.

    Raises
    ------
    KennelError
        There are no photos, nothing says their breeds, or `out` holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise KennelError(f"{out} exists already: name a new folder by --out")
    if not source.is_dir():
        raise KennelError(f"{source} is no folder: name one that holds photos")
    if out.resolve().is_relative_to(source.resolve()):
        raise KennelError(
            f"--out {out} lies in {source}, whose photos would be there twice: name a folder "
            "outside it"
        )
    files = _without_masks(source, find_photos([source]))
    labels, origin = _labels(source, files)
    breeds = {label.breed for label in labels.values()}
    if len(breeds) < 2:  # noqa: PLR2004
        raise KennelError(
            f"{origin} gives {len(labels):,} of the {len(files):,} photos in {source} a breed, "
            f"{len(breeds)} in all: expected at least two"
        )
    try:
        _write(labels, source, out)
    except OSError as error:
        raise KennelError(
            f"{error.filename2 or error.filename or out}: {error.strerror}"
        ) from error
    left_out = len(files) - len(labels)
    rest = f"; {left_out:,} left out, which it gives no breed of dogs" if left_out else ""
    return (
        f"{len(labels):,} photos of {len(breeds)} breeds by {origin}{rest}.\n"
        f"Next: {kennel_as_called()} train {shlex.quote(str(out))} --out trained"
    )


def _write(labels: dict[Path, Label], source: Path, out: Path) -> None:
    """Write all photos to a temporary folder, and rename that to `out`."""
    has_splits = any(label.split for label in labels.values())
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        whole = Path(name) / "photos"
        for file, label in labels.items():
            split = (label.split or "train") if has_splits else ""
            folder = whole / split / _NOT_IN_A_NAME.sub("-", label.breed)
            folder.mkdir(parents=True, exist_ok=True)
            _link(file, folder, source)
        whole.rename(out)


def _without_masks(source: Path, files: Sequence[Path]) -> Sequence[Path]:
    """Leave out files in folders of masks and the like, such as Oxford's trimaps/."""
    words = json.loads(_WORDS.read_text("utf-8"))
    companions = set(words["companions"])
    neutral = companions.union(words["containers"], words["fillers"])

    def is_companion(folder: str) -> bool:
        folder_words = set(re.findall(r"[^\W\d_]+", folder.lower()))
        return bool(folder_words & companions) and folder_words <= neutral

    return [
        file for file in files if not any(map(is_companion, file.relative_to(source).parts[:-1]))
    ] or files


def _labels(source: Path, files: Sequence[Path]) -> tuple[dict[Path, Label], str]:
    """Return the photos' labels, and the table or names from which they were read."""
    unclear = None
    for table in sorted(source.rglob("*.[ct]sv"), key=lambda path: (len(path.parts), path)):
        try:
            if labels := _read_table(table, source, files):
                return labels, table.name
        except KennelError as error:  # another table may be the one
            unclear = unclear or error
    if unclear:
        raise unclear
    stems = {file: match[1] for file in files if (match := _NUMBERED.fullmatch(file.stem))}
    if 2 * len(stems) < len(files) or len(set(stems.values())) < 2:  # noqa: PLR2004
        raise KennelError(
            f"nothing in {source} says the breeds of its {len(files):,} photos: expected a CSV "
            "with a column of their names and one of breeds, or names such as beagle_12.jpg; or "
            "sort them into a folder for each breed"
        )
    split_of, cats = _read_lists(source)
    return {
        file: Label(stem, split_of.get(file.stem, ""))
        for file, stem in stems.items()
        if file.stem not in cats
    }, f"their names{' and list.txt' if cats else ''}"


def _read_table(table: Path, source: Path, files: Sequence[Path]) -> dict[Path, Label]:
    """Return labels of the photos that a table names; {} if it names few of them."""
    try:
        text = table.read_text("utf-8-sig")
        rows = list(csv.reader(text.splitlines(), csv.Sniffer().sniff(text[:4096], ",;\t|")))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    rows = [row for row in rows if len(row) == len(rows[0])]
    if len(rows) < 2 or len(rows[0]) < 2:  # noqa: PLR2004
        return {}
    head, body, columns = [cell.strip().lower() for cell in rows[0]], rows[1:], range(len(rows[0]))
    find = _finder(source, files)
    photos = [[find(row[column]) for row in body] for column in columns]
    name = max(columns, key=lambda column: sum(file is not None for file in photos[column]))
    if sum(file is not None for file in photos[name]) < _MATCHED * len(body):
        return {}
    others = [column for column in columns if column != name]
    breed = next((c for word in _BREED_COLUMNS for c in others if head[c] == word), None)
    if breed is None and len(others) > 1:
        raise KennelError(
            f"{table} has the columns {', '.join(rows[0])}: name the one of breeds `breed`"
        )
    breed = others[0] if breed is None else breed
    split = next((c for c in others if c != breed and head[c] in _SPLIT_COLUMNS), None)
    return {
        file: Label(row[breed].strip(" ."), "" if split is None else _split(row[split]))
        for file, row in zip(photos[name], body, strict=True)
        if file and row[breed].strip(" .")
    }


def _finder(source: Path, files: Sequence[Path]) -> Callable[[str], Path | None]:
    """Return a function that finds a photo by the end of its path, with or without a suffix."""
    by_end: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        for path in {file.relative_to(source), file.relative_to(source).with_suffix("")}:
            parts = path.as_posix().lower().split("/")
            for start in range(len(parts)):
                by_end["/".join(parts[start:])].append(file)

    def find(text: str) -> Path | None:
        parts = text.strip().lower().replace("\\", "/").split("/")
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((by_end[end][0] for end in ends if len(by_end.get(end, ())) == 1), None)

    return find


def _read_lists(source: Path) -> tuple[dict[str, str], set[str]]:
    """Return Oxford's splits by photo, and its cats; nothing where there are no lists."""
    split_of: dict[str, str] = {}
    cats: set[str] = set()
    for name, split in (("trainval.txt", "train"), ("test.txt", "test")):
        split_of |= {fields[0]: split for fields in _list_rows(source, name)}
    for fields in _list_rows(source, "list.txt"):
        if len(fields) > 2 and fields[2] == _CAT:  # noqa: PLR2004
            cats.add(fields[0])
    return split_of, cats


def _list_rows(source: Path, name: str) -> Iterator[list[str]]:
    for path in sorted(source.rglob(name)):
        for line in path.read_text("utf-8", errors="replace").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.split()


def _split(text: str) -> str:
    start = text.strip().lower()[:3]
    return {"tra": "train", "val": "valid", "dev": "valid", "tes": "test"}.get(start, "")


def _link(file: Path, folder: Path, source: Path) -> None:
    target = folder / file.name
    if target.exists():  # of another folder
        target = folder / "_".join(file.relative_to(source).parts)
    try:
        os.link(file, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(file, target)
