"""The kinds of finding that the audit knows, and the rule that makes each.

What the rules judge was measured by `photos/quality.py` and by `dataset.read`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dogbreeds.data.dataset import SPLITS, Dataset, Photo, SetAside
from dogbreeds.photos.near_duplicates import near_duplicates
from dogbreeds.photos.quality import PhotoQuality

WRONG_LABEL = "wrong-label"  # wrong_labels.py finds these, later than all others
NO_DOG = "no-dog"  # found after the features are computed, too
MAX_NO_DOG = 0.1  # dog score; photo_quality.py in bench/ says how many real ones are below
MIN_TRAIN = 5  # photos of a breed; below, one odd photo decides what the breed looks like
MIN_SIDE = 32  # pixels of the shorter side, at which a dog is a few dots


@dataclass(frozen=True)
class Kind:
    """A kind of finding."""

    what: str  # the end of a sentence that begins with the number of files
    accepting: str  # what `--accept` then does; "" for a note, which stops nothing


KINDS = {
    "unreadable": Kind("cannot be opened or decoded", "left out"),
    "tiny": Kind(f"have a shorter side below {MIN_SIDE} pixels", "left out"),
    "outside": Kind("lie beside the breeds' folders, so that they have no breed", "left out"),
    "two-breeds": Kind("show the same picture in folders of different breeds", "all left out"),
    "duplicate-across-splits": Kind(
        "have the same bytes in two splits, so that the test is no test",
        "only the one in test stays, or else the one in valid",
    ),
    "near-duplicate-across-splits": Kind(
        "show the same picture in two splits, so that the test is no test",
        "only the one in test stays, or else the one in valid",
    ),
    "duplicate": Kind("have the same bytes in one split", "only the first stays"),
    "near-duplicate": Kind("show the same picture in one split", "only the first stays"),
    "two-spellings": Kind("are of breeds with two folders in one split", "taken as one breed"),
    "too-few": Kind(
        f"are all that some breeds have in train, fewer than {MIN_TRAIN} each",
        "trained on all the same",
    ),
    "missing-breed": Kind(
        "are of breeds that a split has no photo of",
        "a breed without photos in train is left out; one in valid or test is not measured there",
    ),
    "empty-folder": Kind("are folders of breeds without photos", "no such breeds"),
    "blurry": Kind("are blurred, so that no edge is sharp", ""),
    "dark": Kind("are so dark that little can be seen", ""),
    "over-exposed": Kind("are so bright that little can be seen", ""),
    "one-colour": Kind("are nearly of one colour", ""),
    "odd-aspect": Kind("are so long and narrow that the model sees a small part only", ""),
    NO_DOG: Kind("show no dog, or a tiny one, to the backbone", ""),
    "imagenet-photos": Kind(
        "have the names of ImageNet's photos, which a backbone pretrained on ImageNet has seen: "
        "on new photos the model will be right less often than on these",
        "",
    ),
    "split-by-content": Kind("were taken out of train to be valid or test", ""),
    "not-photos": Kind("are files that no layout asks for; left alone", ""),
    WRONG_LABEL: Kind(
        "look as if they lay in a wrong breed's folder, to heads that did not learn them", ""
    ),
}
"""In the order in which they are listed."""

_IMAGENET = re.compile(r"(?:^|[^0-9A-Za-z])(?:n0\d{7}_\d+|ILSVRC20\d\d_[a-z]+_\d+)")
_KEEP_ORDER = ("test", "valid", "train")  # of copies: a photo in test must be nowhere else


def is_imagenet_name(name: str) -> bool:
    """Return whether a file's name is that of one of ImageNet's photos."""
    return bool(_IMAGENET.search(name))


@dataclass(frozen=True)
class Item:
    """One case of a finding: a file, several files that belong together, or a breed's files."""

    files: tuple[str, ...]  # names as in `Photo.name`
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """All items of one kind."""

    kind: str
    items: tuple[Item, ...]
    leaves_out: tuple[Photo, ...] = ()  # photos that accepting it removes from the data set

    @property
    def stops(self) -> bool:
        """Whether the run must not go on unless this is accepted."""
        return bool(KINDS[self.kind].accepting)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file of every item, sorted."""
        return tuple(sorted({file for item in self.items for file in item.files}))


def of_photos(dataset: Dataset, qualities: Sequence[PhotoQuality]) -> Iterator[Finding]:
    """Find what is wrong with single photos and with pairs of them.

    Parameters
    ----------
    qualities : sequence of PhotoQuality
        One for each of `dataset.photos`.
    """
    quality_of = dict(zip(dataset.photos, qualities, strict=True))
    unreadable = {photo: quality for photo, quality in quality_of.items() if quality.problem}
    tiny = {
        photo: quality
        for photo, quality in quality_of.items()
        if photo not in unreadable and quality.short_side < MIN_SIDE
    }
    yield Finding(
        "unreadable",
        (
            *(Item((photo.name,), quality.problem) for photo, quality in unreadable.items()),
            *(Item((aside.name,), f"{aside.reason}.") for aside in _unreachable(dataset)),
        ),
        tuple(unreadable),
    )
    yield Finding(
        "tiny",
        tuple(
            Item((photo.name,), f"{quality.short_side} pixels") for photo, quality in tiny.items()
        ),
        tuple(tiny),
    )
    for kind in ("blurry", "dark", "over-exposed", "one-colour", "odd-aspect"):
        yield Finding(
            kind,
            tuple(
                Item((photo.name,), measured)
                for photo, quality in quality_of.items()
                if photo not in tiny
                for defect, measured in quality.defects
                if defect == kind
            ),
        )
    yield from _copies(
        {
            photo: quality
            for photo, quality in quality_of.items()
            if photo not in unreadable and photo not in tiny
        }
    )


def without_dog(names: Sequence[str], scores: Sequence[float]) -> Finding:
    """Find the photos whose dog score, the backbone's own, says that they show none."""
    low = sorted((score, name) for score, name in zip(scores, names, strict=True))
    return Finding(
        NO_DOG,
        tuple(Item((name,), f"dog score {score:.3f}") for score, name in low if score < MAX_NO_DOG),
    )


def _copies(quality_of: dict[Photo, PhotoQuality]) -> Iterator[Finding]:
    """Find photos with the same bytes, and photos that show the same picture."""
    groups_by_kind: dict[str, list[list[Photo]]] = defaultdict(list)
    by_digest: dict[str, list[Photo]] = defaultdict(list)
    for photo, quality in quality_of.items():
        by_digest[quality.digest].append(photo)
    distinct: list[Photo] = []
    for copies in by_digest.values():
        copies.sort(key=_keep_order)
        if len(copies) > 1:
            groups_by_kind[_kind_of(copies, "duplicate")].append(copies)
        if len({photo.breed for photo in copies}) == 1:
            distinct.append(copies[0])
    for group in near_duplicates([quality_of[photo].hash for photo in distinct]):
        similar = sorted((distinct[index] for index in group), key=_keep_order)
        groups_by_kind[_kind_of(similar, "near-duplicate")].append(similar)
    for kind, groups in groups_by_kind.items():
        first_left_out = 0 if kind == "two-breeds" else 1
        yield Finding(
            kind,
            tuple(Item(tuple(photo.name for photo in group)) for group in groups),
            tuple(photo for group in groups for photo in group[first_left_out:]),
        )


def _keep_order(photo: Photo) -> tuple[int, str]:
    return _KEEP_ORDER.index(photo.split), photo.name


def _kind_of(copies: list[Photo], kind: str) -> str:
    if len({photo.breed for photo in copies}) > 1:
        return "two-breeds"
    return f"{kind}-across-splits" if len({photo.split for photo in copies}) > 1 else kind


def of_breeds(dataset: Dataset) -> Iterator[Finding]:
    """Find breeds that cannot be learned or measured, in a data set of photos that will be used."""
    counts = Counter((photo.breed, photo.split) for photo in dataset.photos)
    few, missing, unlearnable = [], [], set()
    for breed in dataset.breeds:
        gaps = [split for split in SPLITS if not counts[breed, split]]
        files = tuple(photo.name for photo in dataset.photos if photo.breed == breed)
        if gaps:
            missing.append(Item(files, f"{breed}: none in {', '.join(gaps)}"))
        if "train" in gaps:
            unlearnable.add(breed)
        elif counts[breed, "train"] < MIN_TRAIN:
            few.append(Item(files, f"{breed}: {counts[breed, 'train']} in train"))
    yield Finding("too-few", tuple(few))
    yield Finding(
        "missing-breed",
        tuple(missing),
        tuple(photo for photo in dataset.photos if photo.breed in unlearnable),
    )


def of_folders(dataset: Dataset) -> Iterator[Finding]:
    """Find what is wrong with folders, and what the names of files reveal."""
    outside, not_photos = [], []
    for aside in dataset.set_aside:
        if aside.reason == "outside":
            outside.append(Item((aside.name,)))
        elif aside.reason in {"beside", "hidden"}:
            inside = f"a folder of {aside.files:,} files" if aside.files else ""
            not_photos.append(Item((aside.name,), inside))
    yield Finding("outside", tuple(outside))
    yield Finding("two-spellings", tuple(_spellings(dataset)))
    empty = [aside for aside in dataset.set_aside if aside.reason == "a folder without photos"]
    yield Finding("empty-folder", tuple(Item((aside.name,)) for aside in empty))
    imagenet = [photo for photo in dataset.photos if is_imagenet_name(photo.path.name)]
    yield Finding("imagenet-photos", tuple(Item((photo.name,)) for photo in imagenet))
    moved = [photo for photo in dataset.photos if photo.split in dataset.made_splits]
    yield Finding("split-by-content", tuple(Item((p.name,), p.split) for p in moved))
    yield Finding("not-photos", tuple(not_photos))


def _spellings(dataset: Dataset) -> Iterator[Item]:
    folders: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for photo in dataset.photos:
        split = "train" if photo.split in dataset.made_splits else photo.split
        folders[photo.breed][split].add(photo.folder)
    for breed, by_split in sorted(folders.items()):
        if any(len(names) > 1 for names in by_split.values()):
            files = tuple(photo.name for photo in dataset.photos if photo.breed == breed)
            yield Item(files, f"{breed}: {', '.join(dataset.spellings[breed])}")


def _unreachable(dataset: Dataset) -> list[SetAside]:
    other_findings = {"outside", "beside", "hidden", "a folder without photos"}
    return [aside for aside in dataset.set_aside if aside.reason not in other_findings]
