"""Find the problems at which training's audit would stop, by the names and words of the audit.

Known are the listing and some decoded photos. The audit decodes all of them, and what it alone can
see, such as near duplicates, stays its own. A rule here reports only what the audit is certain to
find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from preflight.data import DATA, SPLITS, Photo, Photos, breed_key
from preflight.sample import MIN_SIDE, Look

__all__ = ["ACCEPTABLE", "Finding", "accepted_kinds", "findings", "sentences"]

MIN_TRAIN = 5  # photos of a breed
#: Kind -> the end of a sentence that begins with the number of files (audit_rules.KINDS).
KINDS = {
    "unreadable": "cannot be opened or decoded",
    "tiny": "have a shorter side below 32 pixels",
    "outside": "lie beside the breeds' folders, so that they have no breed",
    "two-breeds": "show the same picture in folders of different breeds",
    "duplicate-across-splits": "have the same bytes in two splits, so that the test is no test",
    "duplicate": "have the same bytes in one split",
    "two-spellings": "are of breeds with two folders in one split",
    "too-few": f"are all that some breeds have in train, fewer than {MIN_TRAIN} each",
    "missing-breed": "are of breeds that a split has no photo of",
    "empty-folder": "are folders of breeds without photos",
}
#: All that `--accept` takes; the three that are not above only the training finds.
ACCEPTABLE = (*KINDS, "near-duplicate-across-splits", "near-duplicate", "seen-by-backbone")
_EXAMPLES = 3  # items in a sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """All cases of one kind."""

    kind: str
    items: Sequence[str]  # each with its reason
    files: int  # number of files concerned
    looked_into: int = 0  # number of files in the sample; 0: all were judged


def accepted_kinds(value: str) -> tuple[frozenset[str], str]:
    """Split the hyperparameter `accept` into kinds, and a sentence if one does not exist."""
    kinds = frozenset(kind.strip() for kind in value.split(",") if kind.strip())
    problem = ""
    if unknown := sorted(kinds - set(ACCEPTABLE)):
        problem = (
            f"The hyperparameter accept names {unknown[0]!r}, and there is no such finding to "
            f"accept: there are {', '.join(ACCEPTABLE)}."
        )
    return kinds, problem


def sentences(findings: Iterable[Finding], accepted: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each finding that is not accepted."""
    for finding in findings:
        if not finding.items or finding.kind in accepted:
            continue
        shown = "; ".join(finding.items[:_EXAMPLES])
        more = len(finding.items) - _EXAMPLES
        rest = f"; and {more:,} more" if more > 0 else ""
        whole = f"of the {finding.looked_into:,} looked into" if finding.looked_into else "in all"
        noun = "names" if finding.kind == "empty-folder" else "files"
        yield (
            f"Some {noun} below {DATA} {KINDS[finding.kind]}, {finding.files:,} {whole} "
            f"({shown}{rest}): mend that, or accept it by "
            f'{{"hyperparameters": {{"accept": "{finding.kind}"}}}}, several with commas.'
        )


def findings(photos: Photos, looks: Mapping[str, Look]) -> Iterator[Finding]:
    """Yield what is wrong with the photos, of which some were looked into.

    Parameters
    ----------
    looks
        By ETag, from `look_into`.
    """
    looked = {each.key: looks[each.etag] for each in photos.photos if each.etag in looks}
    broken = [f"{key}: {look.problem}" for key, look in looked.items() if look.problem]
    empty = [f"{each.key}: The file is empty." for each in photos.photos if not each.size]
    broken += empty
    yield Finding("unreadable", broken, len(broken), len(looked) + len(empty))
    tiny = [f"{key}: {e.short_side} pixels" for key, e in looked.items() if e.short_side < MIN_SIDE]
    yield Finding("tiny", tiny, len(tiny), len(looked))
    yield Finding("outside", photos.outside, len(photos.outside))
    yield Finding("empty-folder", photos.empty, len(photos.empty))
    if "train" in photos.given:
        sound = {etag for etag, look in looks.items() if look.is_sound}
        yield from _copies([photo for photo in photos.photos if photo.etag in sound])
        yield from _breeds(photos)


def _copies(photos: Sequence[Photo]) -> Iterator[Finding]:
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.etag].append(photo)
    by_kind: dict[str, list[list[Photo]]] = defaultdict(list)
    for group in groups.values():
        if len(group) > 1:
            by_kind[_kind_of(group)].append(group)
    for kind, copies in by_kind.items():
        names = [" = ".join(photo.key for photo in group) for group in copies]
        yield Finding(kind, names, sum(map(len, copies)))


def _kind_of(copies: Sequence[Photo]) -> str:
    if len({breed_key(photo.folder) for photo in copies}) > 1:
        return "two-breeds"
    return "duplicate-across-splits" if len({each.split for each in copies}) > 1 else "duplicate"


def _breeds(photos: Photos) -> Iterator[Finding]:
    by_breed: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos.photos:
        by_breed[breed_key(photo.folder)].append(photo)
    few, missing, spelled = [], [], []
    for group in by_breed.values():
        name = group[0].folder
        if any(len(folders) > 1 for folders in _folders(group).values()):
            names = ", ".join(sorted({photo.folder for photo in group}))
            spelled.append((f"{name}: {names}", group))
        counts = {
            split: len({each.etag for each in group if each.split == split and each.size})
            for split in photos.given
        }
        gaps = [split for split in SPLITS if counts.get(split) == 0]
        # A split that is missing takes a photo out of train, as long as train keeps one.
        in_train = counts["train"] - photos.made_splits
        if gaps:
            missing.append((f"{name}: none in {', '.join(gaps)}", group))
        elif in_train < 1:
            text = f"{name}: {counts['train']} photos for {photos.made_splits + 1} splits"
            missing.append((text, group))
        if 0 < in_train < MIN_TRAIN and "train" not in gaps:
            few.append(
                (f"{name}: {'at most ' if photos.made_splits else ''}{in_train} in train", group)
            )
    for kind, breeds in (("two-spellings", spelled), ("too-few", few), ("missing-breed", missing)):
        yield Finding(kind, [text for text, _ in breeds], sum(len(group) for _, group in breeds))


def _folders(photos: Iterable[Photo]) -> Mapping[str, set[str]]:
    folders: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        folders[photo.split].add(photo.folder)
    return folders
