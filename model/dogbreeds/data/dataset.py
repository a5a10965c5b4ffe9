"""Read folders of photos as a data set: which photo, which breed, which split.

    python -m dogbreeds.data.dataset FOLDER    # prints how many photos each breed has in each split

Accepted layouts, each with a folder for each breed (`labels.py` has the names it understands):

- `train/ valid/ test/` inside FOLDER, or SageMaker's channels of these names;
- the breeds right inside FOLDER, or in one channel.

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

from dogbreeds.data.labels import with_synsets
from dogbreeds.data.layouts import (
    SPLITS,
    DataError,
    FolderWalk,
    SetAside,
    listed,
    splits_inside,
)
from dogbreeds.package.archive import sha256
from dogbreeds.package.card import Breed

__all__ = ["SPLITS", "DataError", "Dataset", "Photo", "SetAside", "read", "read_split"]

SHARES = {"test": 0.15, "valid": 0.15}  # of the photos, where a split must be made


@dataclass(frozen=True)
class Photo:
    """One photo of the data set."""

    path: Path
    breed: str  # as in `Dataset.breeds`
    split: str  # one of SPLITS
    name: str  # path within the data, with "/", the same on every machine: train/beagle/1.jpg


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
        `train`, and `valid` and `test` where there are such channels.

    Raises
    ------
    DataError
        Nothing was given, a folder is missing or cannot be opened, its layout is none of those,
        or it holds fewer than two breeds.
    """
    root = folder
    if root is None:
        channels = {name: path for name, path in (channels or {}).items() if name in SPLITS}
        if "train" not in channels:
            raise DataError(
                "There are no photos to train on; name a folder by --data FOLDER, or give "
                "SageMaker's job a channel `train`."
            )
        root = channels["train"] if len(channels) == 1 else None
    split_folders = splits_inside(root) if root else dict(channels or {})
    walk = FolderWalk()
    for split in SPLITS:
        if split in split_folders:
            prefix = "" if split_folders[split] == root else split
            walk.add_split(split_folders[split], split, prefix)
    top = root or split_folders["train"]
    if not walk.files:
        raise DataError(f"{top} holds no photos; put them into a folder for each breed.")
    keys = {file.breed_key for file in walk.files}
    if len(keys) == 1:
        raise DataError(
            f"{top} holds photos of one breed only ({walk.breed_names[keys.pop()]}); a classifier "
            "needs at least two."
        )
    return _dataset(walk, tuple(name for name in ("valid", "test") if name not in split_folders))


def read_split(folder: Path, split: str = "test") -> Dataset:
    """Read only what is to be in `split`: FOLDER/`split` if FOLDER has splits, else all of it.

    Raises
    ------
    DataError
        As `read`.
    """
    splits = splits_inside(folder)
    if split not in splits and len(splits) > 1:
        raise DataError(f"{folder} holds {listed(splits.values())}, but no {split}/; add it.")
    walk = FolderWalk()
    walk.add_split(splits.get(split, folder), split, split if split in splits else "")
    return _dataset(walk, ())


def _dataset(walk: FolderWalk, missing: tuple[str, ...]) -> Dataset:
    """Return the files of `walk` as a data set, with the `missing` splits taken out of train."""
    photos = [
        Photo(file.path, walk.breed_names[file.breed_key], file.split, file.name)
        for file in walk.files
    ]
    if missing:
        photos = list(_fill_missing_splits(photos, missing))
    keys = {file.breed_key for file in walk.files}
    set_aside = [*walk.set_aside, *walk.empty_folders()]
    return Dataset(
        photos=tuple(sorted(photos, key=lambda photo: photo.name)),
        labels=with_synsets(walk.breed_names[key] for key in keys),
        set_aside=tuple(sorted(set_aside, key=lambda aside: aside.name)),
        made_splits=missing,
        spellings={walk.breed_names[key]: tuple(sorted(walk.spellings[key])) for key in keys},
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
