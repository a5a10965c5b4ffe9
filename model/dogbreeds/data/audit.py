"""Audit a data set before training on it: list everything that is wrong with its photos.

    python model/audit.py FOLDER [--accept KIND ...] [--out audit.json]

A finding stops the run until `--accept KIND` accepts it; all of them are listed at once. Nothing
is left out unless a flag says so, and what is left out is counted. `audit_rules.KINDS` holds the
kinds; those without an `accepting` are notes, which stop nothing.
1,400 photos take about 6 s on two cores.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dogbreeds.data.audit_rules import KINDS, Finding, Item, of_breeds, of_folders, of_photos
from dogbreeds.data.dataset import SPLITS, DataError, Dataset, Photo, read
from dogbreeds.data.seen import SEEN_BY_BACKBONE
from dogbreeds.package.archive import whole_file
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.photos.quality import measure_quality

ACCEPTABLE = (*(name for name, kind in KINDS.items() if kind.accepting), SEEN_BY_BACKBONE)
_EXAMPLES = 3  # of a note's files in the table; audit.json has all of them
_MAX_LINES = 20  # of a finding that stops the run
# The verdict is a job's FailureReason: SageMaker shows 1,024 characters, its own words included.
_MAX_VERDICT = 950
_NUMBER = re.compile(r"\d[\d,.]*")
_OF_ONE = {
    "are": "is",
    "have": "has",
    "lie": "lies",
    "show": "shows",
    "look": "looks",
    "were": "was",
}
_EXCERPTS = ((3, 160), (2, 100), (1, 100), (1, 50), (0, 0))  # items of a finding, characters of one


@dataclass(frozen=True)
class Audit:
    """The findings, and the data set that is left to train on."""

    findings: tuple[Finding, ...]
    accepted: frozenset[str]
    before: Dataset  # all that was read
    dataset: Dataset  # without what the accepted findings leave out
    unusable: str = ""  # why nothing could be trained if all findings were accepted

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """The findings that stop the run."""
        return tuple(f for f in self.findings if f.stops and f.kind not in self.accepted)

    @property
    def left_out(self) -> int:
        """How many photos were read and are not used."""
        return len(self.before.photos) - len(self.dataset.photos)

    @property
    def same_picture(self) -> list[tuple[str, ...]]:
        """The names of photos that show the same picture, in groups."""
        return [
            item.files
            for finding in self.findings
            if "duplicate" in finding.kind
            for item in finding.items
        ]

    @property
    def imagenet_photos(self) -> int:
        """How many of the photos used are ImageNet's by their names."""
        used = {photo.name for photo in self.dataset.photos}
        return sum(
            len(used.intersection(finding.files))
            for finding in self.findings
            if finding.kind == "imagenet-photos"
        )

    def verdict(self) -> str:
        """Return the result as a sentence: the findings that stop the run, or photos per split."""
        if self.stopping:
            kinds = ",".join(finding.kind for finding in self.stopping)
            for items, width in _EXCERPTS:
                sentence = (
                    f"The audit stops the run: {self._excerpt(items, width)}. Mend these photos"
                    + (
                        f": accepting all of it is no way out, since {self.unusable}"
                        if self.unusable
                        else f", or accept what was found by --accept {kinds}"
                    )
                )
                if len(sentence) <= _MAX_VERDICT:
                    break
            return sentence
        splits = Counter(photo.split for photo in self.dataset.photos)
        return (
            f"{len(self.dataset.photos):,} photos of {len(self.dataset.labels)} breeds: "
            + ", ".join(f"{splits[split]:,} in {split}" for split in SPLITS)
            + (f"; {self.left_out:,} left out" if self.left_out else "")
        )

    def _excerpt(self, items: int, width: int) -> str:
        """Return the number of each stopping finding, and its first items."""
        parts = []
        for finding in self.stopping:
            shown = [_shorten(_line(i.files, i.reason), width) for i in finding.items[:items]]
            if shown and len(finding.items) > items:
                shown.append(f"and {len(finding.items) - items:,} more")
            listed = f" ({'; '.join(shown)})" if shown else ""
            parts.append(f"{len(finding.items):,} {finding.kind}{listed}")
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return what audit.json holds; the same for the same photos on every machine."""
        counts = Counter((photo.breed, photo.split) for photo in self.dataset.photos)
        return {
            "photos": len(self.dataset.photos),
            "left_out": self.left_out,
            "stopped": bool(self.stopping),
            "verdict": self.verdict(),
            "breeds": {
                breed: {split: counts[breed, split] for split in SPLITS}
                for breed in self.dataset.breeds
            },
            "made_splits": list(self.before.made_splits),
            "imagenet_photos": self.imagenet_photos,
            "findings": [self._finding_json(finding) for finding in self.findings],
        }

    def _finding_json(self, finding: Finding) -> dict[str, Any]:
        return {
            "kind": finding.kind,
            "sentence": sentence(finding),
            "files": list(finding.files),
            "items": [{"files": list(i.files), "reason": i.reason} for i in finding.items],
            "stops": finding in self.stopping,
            "flag": f"--accept {finding.kind}" if finding.stops else None,
            "accepted": finding.kind in self.accepted,
            "left_out": len(finding.leaves_out) if finding.kind in self.accepted else 0,
        }

    def write(self, path: Path) -> None:
        """Write audit.json to `path` atomically."""
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
        with whole_file(path) as temporary:
            temporary.write_text(text, "utf-8")

    def table(self, rest: str = "audit.json has all") -> str:
        """Return the findings for people: a table, then the files of each, grouped if many.

        Parameters
        ----------
        rest
            Where the files are that are not shown.
        """
        lines = [f"{'finding':30}{'files':>8}  what happens"]
        lines += [
            f"{f.kind:30}{len(f.files):8,}  {self._consequence(f)}" for f in self.findings
        ] or ["nothing"]
        for finding in self.findings:
            lines += ["", f"{finding.kind}: {sentence(finding)}"]
            lines += listing(finding, _MAX_LINES if finding.stops else _EXAMPLES + 1, rest)
        return "\n".join(lines)

    def _consequence(self, finding: Finding) -> str:
        if not finding.stops:
            return "a note"
        if finding.kind in self.accepted:
            return f"accepted: {KINDS[finding.kind].accepting}"
        return f"STOPS the run; --accept {finding.kind} ({KINDS[finding.kind].accepting})"


def audit(
    dataset: Dataset, accepted: frozenset[str] = frozenset(), load: LoadPhoto = load_photo
) -> Audit:
    """Decode every photo, and apply every rule.

    Parameters
    ----------
    accepted : frozenset of str
        Kinds of findings that do not stop the run; from `accepted_kinds`.
    load : callable
        Reads and decodes a photo.

    Raises
    ------
    DataError
        What is left after leaving out what was accepted is fewer than two breeds, or leaves a
        split empty.
    """
    # Valid and test first: later steps read these most often, and a PhotoStore keeps the first.
    order = sorted(dataset.photos, key=lambda photo: photo.split == "train")
    measured = measure_quality([photo.path for photo in order], load)
    quality_of = dict(zip(order, measured, strict=True))
    findings = [
        *of_photos(dataset, [quality_of[photo] for photo in dataset.photos]),
        *of_folders(dataset),
    ]
    # Breeds are counted as if all of it was accepted, so that no second run brings a second list.
    bad = {photo for finding in findings for photo in finding.leaves_out}
    findings += of_breeds(dataset.without(bad))
    left_out = {p for finding in findings if finding.kind in accepted for p in finding.leaves_out}
    kinds = list(KINDS)
    audited = Audit(
        tuple(sorted((f for f in findings if f.items), key=lambda f: kinds.index(f.kind))),
        accepted,
        dataset,
        dataset.without(left_out),
        _unusable(dataset, {photo for finding in findings for photo in finding.leaves_out}),
    )
    if not audited.stopping and audited.unusable:
        raise DataError(f"{audited.unusable[0].upper()}{audited.unusable[1:]}.")
    return audited


def _unusable(dataset: Dataset, left_out: set[Photo]) -> str:
    """Return why what is left is no data set to train on, the end of a sentence; "" if it is."""
    left = dataset.without(left_out)
    without = f"without the {len(left_out):,} photos left out there"
    if len(left.labels) < 2:  # noqa: PLR2004
        return (
            f"{without} remain {len(left.labels)} of the {len(dataset.labels)} breeds, and a "
            "classifier needs at least two"
        )
    if empty := [split for split in SPLITS if not left.of_split(split)]:
        return (
            f"{without} are no photos in {' and '.join(empty)}, and training needs some in each "
            "split"
        )
    return ""


def accepted_kinds(values: Iterable[str]) -> frozenset[str]:
    """Split the values of `--accept` into kinds; one value may hold several, with commas.

    Raises
    ------
    DataError
        There is no such kind.
    """
    kinds = frozenset(kind.strip() for value in values for kind in value.split(",") if kind.strip())
    if unknown := sorted(kinds - set(ACCEPTABLE)):
        raise DataError(
            f"--accept {unknown[0]}: there is no such finding to accept; there are "
            f"{', '.join(ACCEPTABLE)}."
        )
    return kinds


def sentence(finding: Finding) -> str:
    """Return a finding as a sentence."""
    verb, _, rest = KINDS[finding.kind].what.partition(" ")
    if len(finding.files) == 1:
        verb = _OF_ONE.get(verb, verb)
    return f"{len(finding.files):,} {verb} {rest}."


def listing(
    finding: Finding, most: int = _MAX_LINES, rest: str = "audit.json has all"
) -> list[str]:
    """Return the files of a finding in at most `most` lines, by folder and reason if many."""
    lines = [(_line(item.files, item.reason), len(item.files)) for item in finding.items]
    if len(lines) > most:
        groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in finding.items:
            is_alone = len(item.files) > 1  # copies of each other, or a breed's photos
            place = item.files[0] if is_alone else item.files[0].rpartition("/")[0]
            groups[place, _NUMBER.sub("#", item.reason)].append(item)
        lines = [_group_line(items) for items in groups.values()]
    if len(lines) <= most:
        return [f"  {line}" for line, _ in lines]
    more = sum(files for _, files in lines[most - 1 :])
    return [*(f"  {line}" for line, _ in lines[: most - 1]), f"  ... {more:,} more; {rest}"]


def _group_line(items: Sequence[Item]) -> tuple[str, int]:
    files = [file for item in items for file in item.files]
    first = _line(items[0].files, items[0].reason)
    if len(items) == 1:
        return first, len(files)
    folder = files[0].rpartition("/")[0]
    return f"{folder + '/' if folder else 'outside'} ({len(items):,}): {first}; and more", len(
        files
    )


def _shorten(text: str, width: int) -> str:
    """Cut a text in its middle, so that at most `width` characters are left."""
    if len(text) <= width:
        return text
    tail = (width - 3) // 2
    return f"{text[: width - 3 - tail]}...{text[-tail:]}"


def _line(files: tuple[str, ...], reason: str) -> str:
    if reason and len(files) > 1:  # a breed's: its name is in the reason
        return reason
    return " = ".join(files) + (f": {reason}" if reason else "")


def main(arguments: Sequence[str]) -> None:
    """Audit the folder named on the command line."""
    parser = argparse.ArgumentParser(
        description="List what is wrong with labelled photos before training on them."
    )
    parser.add_argument("folder", type=Path, help="train/ valid/ test/, or a folder for each breed")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="KIND",
        help=f"findings that do not stop the run, with commas: {', '.join(ACCEPTABLE)}",
    )
    parser.add_argument("--out", type=Path, help="file to write the findings to, as JSON")
    given = parser.parse_args(arguments)
    try:
        audited = audit(read(given.folder), accepted_kinds(given.accept))
        if given.out:
            audited.write(given.out)
    except DataError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"audit.json cannot be written to {given.out}: {error.strerror}.")
    print(audited.table(rest="audit.json has all" if given.out else "--out audit.json writes all"))
    if audited.stopping:
        sys.exit(audited.verdict())
    print(audited.verdict())
