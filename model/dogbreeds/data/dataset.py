"""Read folders of photos as a data set: which photo, which breed, which split.

    python -m dogbreeds.data.dataset FOLDER    # prints how many photos each breed has in each split

Accepted layouts, each with a folder for each breed (`labels.py` has the names it understands):

- `train/ valid/ test/` inside FOLDER, in any spelling of these words, or SageMaker's channels;
- the breeds right inside FOLDER, or in one channel; with or without splits inside each.

A split that is not given is taken out of train by the photos' content: the same photo is in the
same split on every machine, under every name, and adding photos moves no other one (except in a
breed so small that a split would get none).

Whether photos can be decoded, and whether they are any good for training, `audit.py` finds out.
"""

import hashlib
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.data.folders import split_of
from dogbreeds.data.labels import breed_of, with_synsets
from dogbreeds.data.layouts import SPLITS, DataError, FolderTree, SetAside, printable
from dogbreeds.package.archive import sha256
from dogbreeds.package.card import Breed

__all__ = [
    "SPLITS",
    "DataError",
    "Dataset",
    "Photo",
    "SetAside",
    "folders_to_read",
    "read",
    "read_test",
    "read_unsorted",
]

SHARES = {"test": 0.15, "valid": 0.15}  # of the photos, where a split must be made


@dataclass(frozen=True)
class Photo:
    """One photo of the data set."""

    path: Path
    breed: str  # as in `Dataset.breeds`
    split: str  # one of SPLITS
    name: str  # path within the data, with "/", the same on every machine: train/beagle/1.jpg
    folder: str = ""  # the breed's, as written


@dataclass(frozen=True)
class Dataset:
    """All photos, in the order of their names; every order here is the same on every machine."""

    photos: tuple[Photo, ...]
    labels: tuple[Breed, ...]  # sorted by name: the order of the network's outputs
    set_aside: tuple[SetAside, ...] = ()
    made_splits: tuple[str, ...] = ()  # those taken out of train by content
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # breed: folders' names

    @property
    def breeds(self) -> tuple[str, ...]:
        """The breeds' names, sorted."""
        return tuple(label.breed for label in self.labels)

    def of_split(self, name: str) -> tuple[Photo, ...]:
        """Return the photos of one split."""
        if name not in SPLITS:
            raise ValueError(f"There is no split {name!r}; the splits are {', '.join(SPLITS)}.")
        return tuple(photo for photo in self.photos if photo.split == name)

    def targets(self, photos: Iterable[Photo]) -> NDArray[np.int64]:
        """Return the index of each photo's breed among the network's outputs, (photos,)."""
        index_of = {breed: index for index, breed in enumerate(self.breeds)}
        return np.array([index_of[photo.breed] for photo in photos], np.int64)

    def without(self, photos: Iterable[Photo]) -> "Dataset":
        """Return the data set without `photos`; a breed that loses all of them goes too."""
        removed = set(photos)
        kept = tuple(photo for photo in self.photos if photo not in removed)
        breeds_left = {photo.breed for photo in kept}
        labels = tuple(label for label in self.labels if label.breed in breeds_left)
        return replace(self, photos=kept, labels=labels)


def read(folder: Path | None, channels: Mapping[str, Path] | None = None) -> Dataset:
    """Read a folder in one of the layouts above, or SageMaker's channels.

    Parameters
    ----------
    folder : Path or None
        Comes before `channels` when given.
    channels : mapping of str to Path
        Folders under names that mean splits: `train`, `validation`. Others are no photos.

    Raises
    ------
    DataError
        Nothing was given, a folder is missing or cannot be opened, its layout is none of those,
        or it holds fewer than two breeds.
    """
    tops = folders_to_read(folder, channels or {})
    tree = FolderTree(tops)
    given = tree.arranged.given
    top = next(iter(tops.values()))
    if tree.arranged.placed and "train" not in given:
        names = " and ".join(f"{split}/" for split in SPLITS if split in given)
        raise DataError(f"{top} holds {names}, but no train/; add it.")
    dataset = _dataset(tree, tuple(name for name in ("valid", "test") if name not in given))
    _check_photos(dataset, tree, top)
    if len(dataset.labels) == 1:
        raise DataError(
            f"{top} holds photos of one breed only ({dataset.breeds[0]}); a classifier needs at "
            "least two."
        )
    return dataset


def folders_to_read(folder: Path | None, channels: Mapping[str, Path]) -> dict[str, Path]:
    """Return the folders that `read` walks, each under its channel's name, or one under "".

    Raises
    ------
    DataError
        There is neither a folder nor a channel for train.
    """
    if folder is not None:
        return {"": folder}
    tops = {name: path for name, path in channels.items() if split_of(name)}
    if "train" not in map(split_of, tops):
        raise DataError(
            "There are no photos to train on; name a folder by --data FOLDER, or give SageMaker's "
            "job a channel `train`."
        )
    return tops if len(tops) > 1 else {"": next(iter(tops.values()))}


def read_test(folder: Path, whole: bool = False, *, is_unseen: bool = False) -> Dataset:
    """Read the photos of a folder that training with the same folder leaves to the test.

    Those of its test/, or, where it has none, those that `read` takes out of train; `made_splits`
    says so. All of a folder that is named test or valid itself. One breed will do.

    Parameters
    ----------
    whole : bool
        Every photo instead, whatever its split.
    is_unseen : bool
        Nothing was trained on the folder: all of it counts, if it has no splits.

    Raises
    ------
    DataError
        As `read`, or there are no photos for the test.
    """
    tree = FolderTree({"": folder})
    given = tree.arranged.given
    is_split = not tree.arranged.has_splits and (
        is_unseen or split_of(folder.resolve().name) in {"valid", "test"}
    )
    if not (whole or is_split or given & {"train", "test"}):
        raise DataError(f"{folder} holds valid/, but no test/ and no train/; add one of them.")
    made = () if whole or is_split else tuple(s for s in ("valid", "test") if s not in given)
    dataset = _dataset(tree, made if "test" in made else ())
    _check_photos(dataset, tree, folder)
    if whole or is_split:
        photos = tuple(replace(photo, split="test") for photo in dataset.photos)
        return replace(dataset, photos=photos)
    test = dataset.of_split("test")
    if not test:
        raise DataError(
            f"No photo of {folder} is left to the test: it has {len(dataset.photos):,} photos; "
            "add more, or evaluate on all of them by --all."
        )
    return dataset.without(photo for photo in dataset.photos if photo.split != "test")


def read_unsorted(folder: Path) -> Dataset:
    """Read every photo of a folder, however they lie in it, as one breed without a name.

    Raises
    ------
    DataError
        There is no such folder, it cannot be opened, or it holds no photos.
    """
    tree = FolderTree({"": folder}, sorted_by_breed=False)
    paths = [*(each.path for each in tree.arranged.placed), *tree.arranged.outside]
    photos = (Photo(tree.path_of(path), "", "test", "/".join(path)) for path in paths)
    aside = tuple(each for each in tree.set_aside if each.reason != "outside")
    dataset = Dataset(tuple(sorted(photos, key=lambda photo: photo.name)), (Breed("", ""),), aside)
    _check_photos(dataset, tree, folder)
    return dataset


def _check_photos(dataset: Dataset, tree: FolderTree, top: Path) -> None:
    if dataset.photos:
        return
    files = f"{tree.count:,} files, and no photo" if tree.count else "no photos"
    raise DataError(f"{top} holds {files}; put photos into a folder for each breed.")


def _dataset(tree: FolderTree, missing: tuple[str, ...]) -> Dataset:
    """Return the files of `tree` as a data set, with the `missing` splits taken out of train."""
    folders = {each.folder for each in tree.arranged.placed}
    read_names = {folder: breed_of(printable(folder)) for folder in folders}
    breed_names: dict[str, str] = {}  # by key
    spellings: dict[str, set[str]] = defaultdict(set)  # folders' names, by breed
    for folder in sorted(read_names):
        name, key = read_names[folder]
        spellings[breed_names.setdefault(key, name)].add(printable(folder))
    photos = [
        Photo(
            tree.path_of(placed.path),
            breed_names[read_names[placed.folder][1]],
            placed.split,
            tree.name_of(placed.path),
            printable(placed.folder),
        )
        for placed in tree.arranged.placed
    ]
    if missing:
        photos = list(_fill_missing_splits(photos, missing))
    return Dataset(
        photos=tuple(sorted(photos, key=lambda photo: photo.name)),
        labels=with_synsets(breed_names.values()),
        set_aside=tuple(sorted(tree.set_aside, key=lambda aside: aside.name)),
        made_splits=missing,
        spellings={breed: tuple(sorted(names)) for breed, names in spellings.items()},
    )


def _fill_missing_splits(photos: list[Photo], missing: tuple[str, ...]) -> Iterable[Photo]:
    """Move photos of train to the missing splits, by the digest of their bytes."""
    by_breed: dict[str, list[tuple[str, Photo]]] = defaultdict(list)
    for photo in photos:
        if photo.split == "train":
            by_breed[photo.breed].append((digest_of(photo.path), photo))
        else:
            yield photo
    for members in by_breed.values():
        split_of = split_by_digest({digest for digest, _ in members}, missing)
        for digest, photo in members:
            yield replace(photo, split=split_of[digest])


def split_by_digest(digests: set[str], missing: tuple[str, ...]) -> dict[str, str]:
    """Return the split of each of one breed's digests (hex of SHA-256).

    The digest read as a number in 0..1 decides: below 0.15 test, below 0.30 valid, else train.
    A breed of at least one photo more than there are splits to fill fills each of them.
    """
    split_of: dict[str, str] = {}
    for digest in sorted(digests):
        position, split_of[digest] = int(digest[:13], 16) / 16**13, "train"
        lower = 0.0
        for split, share in SHARES.items():
            if split in missing and lower <= position < lower + share:
                split_of[digest] = split
            lower += share
    for split in SHARES:
        spare = [digest for digest in sorted(split_of) if split_of[digest] == "train"]
        if split in missing and split not in split_of.values() and len(spare) > 1:
            split_of[spare[0]] = split
    return split_of


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex; of its name, if it cannot be read."""
    try:
        return sha256(path)
    except OSError:  # the audit lists it as unreadable; until then its name stands for it
        return hashlib.sha256(os.fsencode(path.name)).hexdigest()


def main(arguments: Sequence[str]) -> None:
    """Print the counts for the folder named on the command line."""
    if len(arguments) != 1:
        sys.exit("usage: python -m dogbreeds.data.dataset FOLDER")
    try:
        dataset = read(Path(arguments[0]))
    except DataError as error:
        sys.exit(str(error))
    counts = Counter((photo.breed, photo.split) for photo in dataset.photos)
    print(f"{'breed':40}" + "".join(f"{split:>8}" for split in SPLITS))
    for breed in dataset.breeds:
        print(f"{breed:40}" + "".join(f"{counts[breed, split]:8}" for split in SPLITS))


if __name__ == "__main__":
    main(sys.argv[1:])
