"""Find the breeds' folders and the files in them, in any layout that a data set may have.

Nothing is decoded here. Every file is accounted for: in `FolderWalk.files`, or in
`FolderWalk.set_aside` with the reason.
"""

import stat
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dogbreeds.data.labels import breed_of

SPLITS = ("train", "valid", "test")
_SPLIT_OF_FOLDER = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
# What operating systems and downloads leave in folders, besides names with a dot in front.
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"}


class DataError(Exception):
    """Photos that cannot be read as a data set; one sentence, or several, each on a line."""


@dataclass(frozen=True)
class SetAside:
    """A file or folder inside the data that is no photo to read."""

    name: str
    reason: str


class FoundFile(NamedTuple):
    """A regular file inside a breed's folder."""

    path: Path
    breed_key: str  # of `labels.breed_of`
    split: str
    name: str  # path within the data, with "/"


def splits_inside(folder: Path) -> dict[str, Path]:
    """Return the folders of the splits; {"train": folder} where `folder` holds breeds.

    Raises
    ------
    DataError
        Two folders are the same split, there are folders beside the splits, or none is train.
    """
    entries = list_entries(folder)
    splits: dict[str, Path] = {}
    for entry in entries:
        split = _SPLIT_OF_FOLDER.get(entry.name.lower())
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
    others = [
        entry.name
        for entry in entries
        if entry not in splits.values() and entry.is_dir() and not _is_hidden(entry)
    ]
    if others:
        raise DataError(
            f"{folder} holds {listed(splits.values())} and also {', '.join(sorted(others)[:5])}; "
            "put the breeds' folders inside the splits, and move what is neither elsewhere."
        )
    if "train" not in splits:
        raise DataError(f"{folder} holds {listed(splits.values())}, but no train/; add it.")
    return splits


def list_entries(folder: Path) -> list[Path]:
    """Return what lies in `folder`, sorted.

    Raises
    ------
    DataError
        There is no such folder, or it cannot be opened.
    """
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {folder}; name one that holds photos.") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is a file; name a folder with a folder per breed.") from error
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be opened: {error.strerror}.") from error


def listed(folders: Iterable[Path]) -> str:
    """Return the folders' names for a sentence: "train/ and test/"."""
    return " and ".join(f"{path.name}/" for path in folders)


class FolderWalk:
    """Every file below the breeds' folders, sorted into photos to be and files set aside."""

    def __init__(self) -> None:
        self.files: list[FoundFile] = []
        self.set_aside: list[SetAside] = []
        self.breed_names: dict[str, str] = {}  # by key
        self.spellings: dict[str, set[str]] = defaultdict(set)  # folders' names by key
        self._folders: dict[str, list[str]] = defaultdict(list)  # folders' paths in the data by key

    def add_split(self, folder: Path, split: str, prefix: str) -> None:
        """Take every folder inside `folder` as a breed; `prefix` begins the files' names."""
        start = f"{prefix}/" if prefix else ""
        for entry in list_entries(folder):
            folder_name = _printable(entry.name)
            name = start + folder_name
            if _is_hidden(entry):
                self.set_aside.append(SetAside(name, "hidden"))
            elif not entry.is_dir():
                self.set_aside.append(SetAside(name, "outside"))
            else:
                breed_name, key = breed_of(folder_name)
                self.breed_names.setdefault(key, breed_name)
                self.spellings[key].add(folder_name)
                self._folders[key].append(name)
                self._walk(entry, key, split, name, (_identity(entry),))

    def empty_folders(self) -> list[SetAside]:
        """Return the folders of the breeds that have no photo in any split."""
        used = {file.breed_key for file in self.files}
        return [
            SetAside(name, "a folder without photos")
            for key, names in self._folders.items()
            if key not in used
            for name in names
        ]

    def _walk(
        self, folder: Path, key: str, split: str, name: str, parents: tuple[tuple[int, int], ...]
    ) -> None:
        for entry in list_entries(folder):
            inner = f"{name}/{_printable(entry.name)}"
            if _is_hidden(entry):
                self.set_aside.append(SetAside(inner, "hidden"))
                continue
            try:
                mode = entry.stat().st_mode
            except OSError as error:  # a link to nowhere, a link to itself, no permission
                self.set_aside.append(SetAside(inner, f"unreachable: {error.strerror}"))
                continue
            if stat.S_ISDIR(mode):
                if _identity(entry) in parents:
                    self.set_aside.append(SetAside(inner, "a link to a folder that it is in"))
                else:
                    self._walk(entry, key, split, inner, (*parents, _identity(entry)))
            elif stat.S_ISREG(mode):
                self.files.append(FoundFile(entry, key, split, inner))
            else:  # reading a pipe would wait forever
                self.set_aside.append(SetAside(inner, "no regular file"))


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _SYSTEM_FILES


def _printable(name: str) -> str:
    """Escape what cannot be printed or stored as text: new lines, bytes that are no UTF-8."""
    if name.isprintable():
        return name
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return "".join(escaped).replace("\\udc", "\\x")  # how Python keeps a byte that is no UTF-8


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
