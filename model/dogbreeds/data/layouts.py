"""Walk the folders of a data set on a disk; `folders` says which of them are splits and breeds.

Nothing is decoded here. Every file is accounted for: in `Arrangement`, or in `set_aside`.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dogbreeds.data.folders import (
    SPLITS,
    Arrangement,
    arrange,
    is_hidden,
    is_other_file,
    is_photo_name,
)

__all__ = ["SPLITS", "DataError", "FolderTree", "SetAside", "check_folder", "printable"]

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")  # of JPEG, PNG and WebP
_Names = tuple[str, ...]


class DataError(Exception):
    """Photos that cannot be read as a data set; one sentence, or several, each on a line."""


@dataclass(frozen=True)
class SetAside:
    """A file or folder inside the data that is no photo to read."""

    name: str
    reason: str
    files: int = 0  # in it, if it is a folder


class FolderTree:
    """All files below a folder, or below SageMaker's channels, and how they are arranged.

    Parameters
    ----------
    tops : mapping of str to Path
        Folders to read, each under a name; one named "" is read as it is.
    sorted_by_breed : bool
        Whether folders must be those of breeds.

    Raises
    ------
    DataError
        There is no such folder, it cannot be opened, or its tree can be no data set.
    """

    def __init__(self, tops: Mapping[str, Path], sorted_by_breed: bool = True) -> None:
        self._aside: list[tuple[_Names, str]] = []
        self._path_of: dict[_Names, Path] = {}
        self._folders: list[_Names] = []
        for name, top in tops.items():
            check_folder(top)
            self._walk(top, (name,) if name else (), (_identity(top),))
        where = str(tops[""]) if "" in tops else ""
        self.arranged: Arrangement = arrange(self._path_of, self._is_photo, self._folders, where)
        if sorted_by_breed and self.arranged.problems:
            raise DataError("\n".join(self.arranged.problems))

    @property
    def set_aside(self) -> list[SetAside]:
        """What is no photo of a breed."""
        arranged, name = self.arranged, self.name_of
        return [
            *(SetAside(name(path), reason) for path, reason in self._aside),
            *(SetAside(name(path), "outside") for path in arranged.outside),
            *(SetAside(name(path), "beside", count) for path, count in arranged.aside),
            *(SetAside(name(path), "a folder without photos") for path in arranged.empty),
        ]

    @property
    def count(self) -> int:
        """Number of files, hidden ones left out."""
        return len(self._path_of)

    def path_of(self, names: _Names) -> Path:
        """Return where a file lies on the disk."""
        return self._path_of[names]

    def name_of(self, names: _Names) -> str:
        """Return a file's name within the data, the same on every machine: train/beagle/1.jpg."""
        for split, folder in self.arranged.splits.items():
            if names[: len(folder)] == folder:
                names = (split, *names[len(folder) :])
                break
        else:
            root = self.arranged.root
            names = names[len(root) :] if names[: len(root)] == root else names
        return "/".join(map(printable, names))

    def _walk(self, folder: Path, names: _Names, parents: tuple[tuple[int, int], ...]) -> None:
        self._folders.append(names)
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            self._aside.append((names, f"unreachable: {error.strerror}"))
            return
        for entry in entries:
            inner = (*names, entry.name)
            if is_hidden(entry.name):
                self._aside.append((inner, "hidden"))
                continue
            try:
                mode = entry.stat().st_mode
            except OSError as error:  # a link to nowhere, a link to itself, no permission
                self._aside.append((inner, f"unreachable: {error.strerror}"))
                continue
            if stat.S_ISDIR(mode):
                if _identity(entry) in parents:
                    self._aside.append((inner, "a link to a folder that it is in"))
                else:
                    self._walk(entry, inner, (*parents, _identity(entry)))
            elif stat.S_ISREG(mode):
                self._path_of[inner] = entry
            else:  # reading a pipe would wait forever
                self._aside.append((inner, "no regular file"))

    def _is_photo(self, names: _Names) -> bool:
        if is_photo_name(names[-1]) or is_other_file(names[-1]):
            return is_photo_name(names[-1])
        try:
            with self._path_of[names].open("rb") as file:
                return file.read(4).startswith(_MAGIC)
        except OSError:
            return True  # the audit says why it cannot be opened


def check_folder(folder: Path) -> None:
    """Refuse a folder that does not exist or cannot be opened, by a DataError."""
    try:
        os.scandir(folder).close()
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {folder}; name one that holds photos.") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is a file; name a folder with a folder per breed.") from error
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be opened: {error.strerror}.") from error


def printable(name: str) -> str:
    """Escape what cannot be printed or stored as text: new lines, bytes that are no UTF-8."""
    if name.isprintable():
        return name
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return "".join(escaped).replace("\\udc", "\\x")  # how Python keeps a byte that is no UTF-8


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
