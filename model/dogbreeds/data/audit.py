"""Audit a data set before training on it: list everything that is wrong with its photos.

    python model/audit.py FOLDER [--accept KIND ...] [--out audit.json]

A finding stops the run until `--accept KIND` accepts it; all of them are listed at once. Nothing
is left out unless a flag says so, and what is left out is counted. `audit_rules.KINDS` holds the
kinds; those without an `accepting` are notes, which stop nothing.
1,400 photos take about 6 s on two cores.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dogbreeds.data.audit_rules import KINDS, Finding, of_breeds, of_folders, of_photos
from dogbreeds.data.dataset import SPLITS, DataError, Dataset, read
from dogbreeds.data.seen import SEEN_BY_BACKBONE
from dogbreeds.package.archive import whole_file
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.photos.quality import measure_quality

ACCEPTABLE = (*(name for name, kind in KINDS.items() if kind.accepting), SEEN_BY_BACKBONE)
_EXAMPLES = 3  # of a note's files in the table; audit.json has all of them
# The verdict is a job's FailureReason: SageMaker shows 1,024 characters, its own words included.
_MAX_VERDICT = 950
_EXCERPTS = ((3, 160), (2, 100), (1, 100), (1, 50), (0, 0))  # items of a finding, characters of one


@dataclass(frozen=True)
class Audit:
    """The findings, and the data set that is left to train on."""

    findings: tuple[Finding, ...]
    accepted: frozenset[str]
    before: Dataset  # all that was read
    dataset: Dataset  # without what the accepted findings leave out

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
                    f"The audit stops the run: {self._excerpt(items, width)}. Mend these photos, "
                    f"or accept what was found by --accept {kinds}"
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
        """Write audit.json to `path`, whole or not at all."""
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
        with whole_file(path) as temporary:
            temporary.write_text(text, "utf-8")

    def table(self) -> str:
        """Return the findings for people: a table, then all files of what stops the run."""
        lines = [f"{'finding':30}{'files':>8}  what happens"]
        lines += [
            f"{f.kind:30}{len(f.files):8,}  {self._consequence(f)}" for f in self.findings
        ] or ["nothing"]
        for finding in self.findings:
            lines += ["", f"{finding.kind}: {sentence(finding)}"]
            shown = finding.items if finding.stops else finding.items[:_EXAMPLES]
            lines += [f"  {_line(item.files, item.reason)}" for item in shown]
            if len(finding.items) > len(shown):
                lines.append(f"  ... {len(finding.items) - len(shown):,} more in audit.json")
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
        What is left after leaving out what was accepted is fewer than two breeds.
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
    )
    if not audited.stopping and len(audited.dataset.labels) < 2:  # noqa: PLR2004
        raise DataError(
            f"Without the {audited.left_out:,} photos left out there are "
            f"{len(audited.dataset.labels)} breeds; a classifier needs at least two."
        )
    return audited


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
    return f"{len(finding.files):,} {KINDS[finding.kind].what}."


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
    print(audited.table())
    if audited.stopping:
        sys.exit(audited.verdict())
    print(audited.verdict())
