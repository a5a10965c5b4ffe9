"""Folders of photos to a list: which photo, which breed, which split.

    python -m dogbreeds.data.dataset FOLDER    # prints how many photos each breed has in each split

Accepted layouts, each a folder for each breed (`labels.py` has the names it understands):

- `train/ valid/ test/` inside FOLDER, or SageMaker's channels of these names;
- the breeds right inside FOLDER, or in one channel.

A split that is not given is taken out of train: by the photo's content, so that the same photo is
in the same split on every machine and adding photos moves no other one (except in a breed so
small that a split would get none).

Every file is accounted for: a photo to be, or one of `set_aside` with the reason. Whether photos
can be decoded, and whether they are any good for training, is `audit.py`'s matter.
"""

import stat
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dogbreeds.data.labels import breed_of, with_synsets
from dogbreeds.data.splits import digest_of, split_by_digest
from dogbreeds.package.card import Breed

SPLITS = ("train", "valid", "test")
_NAMES_OF_SPLITS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
# What operating systems and downloads leave in folders, besides names with a dot in front.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"}


class DataError(Exception):
    """Photos that cannot be read as a data set; one sentence, or several, each on a line."""


@dataclass(frozen=True)
class Photo:
    """One photo of the data set."""

    path: Path
    breed: str  # as in `Dataset.breeds`
    split: str  # one of SPLITS
    name: str  # path within the data, with "/", the same on every machine: train/beagle/1.jpg


@dataclass(frozen=True)
class SetAside:
    """A file or folder inside the data that is no photo to read."""

    name: str
    reason: str


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

    def index(self, breed: str) -> int:
        """Return the place of `breed` among the network's outputs."""
        return self.breeds.index(breed)

    def without(self, photos: Iterable[Photo]) -> "Dataset":
        """Return the data set without `photos`; a breed that loses all of them goes too."""
        gone = set(photos)
        kept = tuple(photo for photo in self.photos if photo not in gone)
        left = {photo.breed for photo in kept}
        labels = tuple(label for label in self.labels if label.breed in left)
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
    parts = _splits_inside(root) if root else dict(channels or {})
    found = _Found()
    for split in SPLITS:
        if split in parts:
            found.walk_breeds(parts[split], split, "" if parts[split] == root else split)
    where = root or parts["train"]
    if not found.files:
        raise DataError(f"{where} holds no photos; put them into a folder for each breed.")
    breeds = {key for _, key, _, _ in found.files}
    if len(breeds) == 1:
        raise DataError(
            f"{where} holds photos of one breed only ({found.names[breeds.pop()]}); a classifier "
            "needs at least two."
        )
    return found.dataset(tuple(split for split in ("valid", "test") if split not in parts))


def read_split(folder: Path, split: str = "test") -> Dataset:
    """Read only what is to be in `split`: FOLDER/`split` if FOLDER has splits, else all of it.

    Raises
    ------
    DataError
        As `read`.
    """
    inside = _splits_inside(folder)
    if split not in inside and len(inside) > 1:
        raise DataError(f"{folder} holds {_listed(inside)}, but no {split}/; add it.")
    found = _Found()
    found.walk_breeds(inside.get(split, folder), split, split if split in inside else "")
    return found.dataset(())


def _splits_inside(folder: Path) -> dict[str, Path]:
    """Return the folders of the splits; {"train": folder} where `folder` holds breeds."""
    entries = _entries(folder)
    splits: dict[str, Path] = {}
    for entry in entries:
        split = _NAMES_OF_SPLITS.get(entry.name.lower())
        if split is None or not entry.is_dir():
            continue
        if split in splits:
            raise DataError(
                f"{folder} holds both {splits[split].name}/ and {entry.name}/, which are the same "
                "split; keep one of them."
            )
        splits[split] = entry
    if not splits:
        return {"train": folder}
    others = [e.name for e in entries if e not in splits.values() and e.is_dir() and not _left(e)]
    if others:
        raise DataError(
            f"{folder} holds {_listed(splits)} and also {', '.join(sorted(others)[:5])}; put the "
            "breeds' folders inside the splits, and move what is neither elsewhere."
        )
    if "train" not in splits:
        raise DataError(f"{folder} holds {_listed(splits)}, but no train/; add it.")
    return splits


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {folder}; name one that holds photos.") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is a file; name a folder with a folder per breed.") from error
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be opened: {error.strerror}.") from error


def _left(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _LEFT_BEHIND


class _Found:
    """What the walk has met so far."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, str, str, str]] = []  # path, breed's key, split, name
        self.aside: list[SetAside] = []
        self.names: dict[str, str] = {}  # key: readable name
        self.spellings: dict[str, set[str]] = defaultdict(set)  # key: folders' names
        self.folders: dict[str, list[str]] = defaultdict(list)  # key: folders' paths in the data

    def walk_breeds(self, folder: Path, split: str, prefix: str) -> None:
        """Take every folder inside `folder` as a breed."""
        start = f"{prefix}/" if prefix else ""
        for entry in _entries(folder):
            folder_name = _readable(entry.name)
            name = start + folder_name
            if _left(entry):
                self.aside.append(SetAside(name, "hidden"))
            elif not entry.is_dir():
                self.aside.append(SetAside(name, "outside"))
            else:
                readable, key = breed_of(folder_name)
                self.names.setdefault(key, readable)
                self.spellings[key].add(folder_name)
                self.folders[key].append(name)
                self._walk(entry, key, split, name, (_identity(entry),))

    def _walk(
        self, folder: Path, key: str, split: str, name: str, above: tuple[tuple[int, int], ...]
    ) -> None:
        for entry in _entries(folder):
            inner = f"{name}/{_readable(entry.name)}"
            if _left(entry):
                self.aside.append(SetAside(inner, "hidden"))
                continue
            try:
                mode = entry.stat().st_mode
            except OSError as error:  # a link to nowhere, a link to itself, no permission
                self.aside.append(SetAside(inner, f"unreachable: {error.strerror}"))
                continue
            if stat.S_ISDIR(mode):
                if _identity(entry) in above:
                    self.aside.append(SetAside(inner, "a link to a folder that it is in"))
                else:
                    self._walk(entry, key, split, inner, (*above, _identity(entry)))
            elif stat.S_ISREG(mode):
                self.files.append((entry, key, split, inner))
            else:  # reading a pipe would wait forever
                self.aside.append(SetAside(inner, "no regular file"))

    def dataset(self, missing: tuple[str, ...]) -> Dataset:
        """Return it all, with the `missing` splits taken out of train."""
        used = {key for _, key, _, _ in self.files}
        self.aside += [
            SetAside(name, "a folder without photos")
            for key in self.names
            if key not in used
            for name in self.folders[key]
        ]
        photos = [Photo(path, self.names[key], *rest) for path, key, *rest in self.files]
        if missing:
            photos = list(_split(photos, missing))
        return Dataset(
            photos=tuple(sorted(photos, key=lambda photo: photo.name)),
            labels=with_synsets(self.names[key] for key in used),
            set_aside=tuple(sorted(self.aside, key=lambda aside: aside.name)),
            made_splits=missing,
            spellings={self.names[key]: tuple(sorted(self.spellings[key])) for key in used},
        )


def _readable(name: str) -> str:
    """Escape what cannot be printed or stored as text: new lines, bytes that are no UTF-8."""
    if name.isprintable():
        return name
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return "".join(escaped).replace("\\udc", "\\x")  # how Python keeps a byte that is no UTF-8


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _split(photos: list[Photo], missing: tuple[str, ...]) -> Iterable[Photo]:
    """Give photos of train to the missing splits, by the digest of their bytes."""
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


def _listed(splits: Mapping[str, Path]) -> str:
    return " and ".join(f"{path.name}/" for path in splits.values())


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
