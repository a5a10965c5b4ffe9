"""Find which folders are splits and which are breeds, in any layout that a data set may have.

Taken are, inside any folders around them:

    train/beagle/1.jpg       a folder for each split, with a folder for each breed
    beagle/1.jpg             a folder for each breed
    beagle/train/1.jpg       a folder for each breed, with a folder for each split

Folders beside them about the photos (annotations/, masks/) are left alone. A tree that can be none
of these is refused in a sentence that says how it was read.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .names import SPLITS, breed_key, is_breed, is_companion, is_container, split_of

Path = tuple[str, ...]  # of names, below the folder that is read
_EXAMPLES = 5  # names in a sentence
_LOOSE = 0.1  # of a folder's photos; with more of them right in it, it is a breed's own
_NUMBERED = re.compile(r"(.*[^\W\d_].*?)[ _-]*\(?\d+\)?\.\w+")  # Oxford's Breed_12.jpg
_CONVERT = "`kennel photos FOLDER --out NEW` makes such folders"


class Placed(NamedTuple):
    """A file of a breed."""

    path: Path
    split: str
    folder: str  # the breed's, as written


@dataclass
class Arrangement:
    """How the files of a tree were read."""

    root: Path = ()  # the folder that holds the splits or the breeds
    splits: dict[str, Path] = field(default_factory=dict)  # those that have a folder, at its path
    given: set[str] = field(default_factory=set)  # splits in any layout; {"train"} without any
    has_splits: bool = True
    placed: list[Placed] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)  # photos that have no breed
    aside: list[tuple[Path, int]] = field(default_factory=list)  # files, or folders of so many
    empty: list[Path] = field(default_factory=list)  # breeds' folders without a photo
    problems: list[str] = field(default_factory=list)  # sentences: why this is no data set


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.folders: dict[str, _Folder] = {}
        self.files: list[str] = []
        self.loose: list[str] = []  # of the files, those that are photos
        self.count = self.photos = 0  # of the files, in folders below too

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else ""

    def with_photos(self) -> list["_Folder"]:
        return [each for each in self._beside()[0] if each.photos]

    def without_photos(self) -> list["_Folder"]:
        """Return folders that hold none, in order."""
        return [each for each in self._beside()[0] if not each.photos]

    def companions(self) -> list["_Folder"]:
        """Return folders about the photos that lie in or beside others here."""
        return self._beside()[1]

    def _beside(self) -> tuple[list["_Folder"], list["_Folder"]]:
        inside = [self.folders[name] for name in sorted(self.folders)]
        others = [each for each in inside if not is_companion(each.name)]
        if not self.loose and not any(each.photos for each in others):
            return inside, []
        return others, [each for each in inside if is_companion(each.name)]


def arrange(
    files: Iterable[Path],
    is_photo: Callable[[Path], bool],
    folders: Iterable[Path] = (),
    where: str = "",
) -> Arrangement:
    """Sort the files of a tree into breeds and splits.

    Parameters
    ----------
    files
        Paths below the folder that is read; hidden ones are left out.
    is_photo
        Whether a file is to be taken for a photo where there is no folder that says so.
    folders
        Paths of folders, which may be empty.
    where
        The folder's name in sentences.
    """
    root = _Folder(())
    for path in folders:
        _grow(root, path)
    for path in sorted(files):
        photo = is_photo(path)
        for folder in _grow(root, path[:-1]):
            folder.count += 1
            folder.photos += photo
        folder.files.append(path[-1])
        if photo:
            folder.loose.append(path[-1])
    reader = _Reader(where)
    reader.read(root)
    return reader.arrangement


def _grow(root: _Folder, path: Path) -> list[_Folder]:
    """Return the folders on the way to `path`, made where they are missing."""
    way = [root]
    for depth, name in enumerate(path, 1):
        way.append(way[-1].folders.setdefault(name, _Folder(path[:depth])))
    return way


class _Reader:
    def __init__(self, where: str) -> None:
        self.arrangement = Arrangement()
        self._where = where
        self._unsorted: list[_Folder] = []  # with photos, where folders of breeds should be
        self._tables: list[str] = []

    def read(self, root: _Folder) -> None:
        base = self._inside(root)
        self.arrangement.root = base.path
        by_split: dict[str, list[_Folder]] = defaultdict(list)
        for folder in (*base.with_photos(), *base.without_photos()):
            if split := split_of(folder.name):
                by_split[split].append(folder)
        if by_split:
            self._read_splits(base, by_split)
        elif not self._read_splits_of_breeds(base):
            self.arrangement.given, self.arrangement.has_splits = {"train"}, False
            self._read_breeds(base, "train")
        if self._unsorted:
            self._refuse_unsorted()
        used = {breed_key(each.folder) for each in self.arrangement.placed}
        self.arrangement.empty = [
            path for path in self.arrangement.empty if breed_key(path[-1]) not in used
        ]

    def _inside(self, folder: _Folder) -> _Folder:
        """Return the innermost folder that holds all the photos' folders."""
        while len(inner := folder.with_photos()) == 1:
            (only,) = inner
            is_around = only.with_photos() and len(only.loose) <= _LOOSE * only.photos
            if split_of(only.name) or is_breed(only.name) or not is_around:
                break
            self._leave(folder)
            for other in folder.without_photos():
                self._set_aside(other)
            folder = only
        return folder

    def _read_splits(self, base: _Folder, by_split: dict[str, list[_Folder]]) -> None:
        self._leave(base)
        ordered = [folder for split in SPLITS for folder in by_split.get(split, [])]
        names = " and ".join(f"{folder.name}/" for folder in ordered)
        for split in SPLITS:
            folders = by_split.get(split, [])
            if len(folders) > 1:
                same = " and ".join(f"{folder.name}/" for folder in folders)
                self._refuse(
                    f"{self._name(base)} holds both {same}, which are the same split: keep one of "
                    "them."
                )
            for folder in folders[:1]:
                self.arrangement.splits[split] = folder.path
                self.arrangement.given.add(split)
                self._read_breeds(self._inside(folder), split)
        for other in base.without_photos():
            if not split_of(other.name):
                self._set_aside(other)
        if others := [each.name for each in base.with_photos() if not split_of(each.name)]:
            self._refuse(
                f"{self._name(base)} holds {names} and also {_some(others)}: put the breeds' "
                "folders inside the splits, and move what is neither elsewhere."
            )

    def _read_splits_of_breeds(self, base: _Folder) -> bool:
        """Read a folder for each split in that of each breed; False if there are none."""
        breeds = base.with_photos()
        splits = [
            (breed, folder, split)
            for breed in breeds
            for folder in breed.with_photos()
            if (split := split_of(folder.name))
        ]
        if not splits:
            return False
        self._leave(base)
        self.arrangement.empty += [each.path for each in base.without_photos()]
        elsewhere = sum(each.photos for each in breeds) - sum(f.photos for _, f, _ in splits)
        if elsewhere:
            self._refuse(
                f"{self._name(base)} holds {_drawn(breeds)}: some breeds' folders hold splits, and "
                f"{elsewhere:,} photos lie beside these: sort all photos into splits, best as "
                "train/BREED/."
            )
        for breed, folder, split in splits:
            self.arrangement.given.add(split)
            self._take(folder, split, breed.name)
        return True

    def _read_breeds(self, base: _Folder, split: str) -> None:
        self._leave(base)
        breeds = base.with_photos()
        if len(breeds) == 1 and is_container(breeds[0].name) and not breeds[0].with_photos():
            self._leave(breeds[0])
            base, breeds = breeds[0], []
        if not breeds:
            if base.loose:
                self._unsorted.append(base)
        elif reason := _why_no_breeds(breeds):
            self._refuse(
                f"{self._name(base)} was read as a folder for each breed, and it holds "
                f"{_drawn(breeds)}, but {reason}: name a folder that holds one folder for each "
                "breed, with the breed's photos right in it."
            )
        for folder in breeds:
            self._take(folder, split, folder.name)
        self.arrangement.empty += [each.path for each in base.without_photos()]

    def _take(self, folder: _Folder, split: str, breed: str) -> None:
        self.arrangement.placed += [Placed((*folder.path, n), split, breed) for n in folder.files]
        for inner in folder.with_photos():
            self._take(inner, split, breed)
        for inner in (*folder.companions(), *folder.without_photos()):
            self._set_aside(inner)

    def _leave(self, folder: _Folder) -> None:
        """Account for what lies right in a folder that is no breed's, but for folders of photos."""
        loose = set(folder.loose)
        for name in folder.files:
            path = (*folder.path, name)
            if name in loose:
                self.arrangement.outside.append(path)
            else:
                self.arrangement.aside.append((path, 0))
                if name.lower().endswith((".csv", ".tsv")):
                    self._tables.append(name)
        for each in folder.companions():
            self._set_aside(each)

    def _set_aside(self, folder: _Folder) -> None:
        if folder.count:
            self.arrangement.aside.append((folder.path, folder.count))

    def _refuse_unsorted(self) -> None:
        names = [name for folder in self._unsorted for name in folder.loose]
        stems = [match[1] for name in names if (match := _NUMBERED.fullmatch(name))]
        is_named = 2 * len(stems) > len(names) and 1 < len(set(stems)) < len(stems)
        if self._tables:
            hint = f"if {self._tables[0]} names their breeds, {_CONVERT}"
        elif is_named:
            hint = f"if their names begin with a breed's, as {names[0]} does, {_CONVERT}"
        else:
            hint = "put the photos of each breed into a folder of its name"
        places = _some([self._name(folder) for folder in self._unsorted])
        self._refuse(
            f"{len(names):,} photos lie right in {places} and not in a folder for each breed, so "
            f"that they have none: {hint}."
        )

    def _refuse(self, sentence: str) -> None:
        self.arrangement.problems.append(sentence)

    def _name(self, folder: _Folder) -> str:
        return "/".join((*(self._where.rstrip("/"),) * bool(self._where), *folder.path)) + "/"


def _why_no_breeds(folders: Sequence[_Folder]) -> str:
    """Return why these cannot be breeds, the end of a sentence; "" if they can."""
    for folder in folders:
        if len(folders) > 1 and (is_container(folder.name) or is_companion(folder.name)):
            return f"{folder.name}/ names no breed"
    peers = {breed_key(folder.name): folder.name for folder in folders}
    for folder in folders:
        own = breed_key(folder.name)
        for inner in folder.with_photos():
            key = breed_key(inner.name)
            if key != own and (key in peers or is_breed(inner.name)):
                return f"{folder.name}/{inner.name}/ is another breed's folder inside one"
            if split_of(inner.name):
                return f"{folder.name}/{inner.name}/ is a split inside a breed"
    if not any(folder.loose for folder in folders):
        for folder in folders:
            inner_names = [each.name for each in folder.with_photos()]
            if len(inner_names) > 1 and not is_breed(folder.name):
                return (
                    f"no photo lies right in one of these, and {folder.name}/ holds the folders "
                    f"{_some(inner_names)}"
                )
    return ""


def _drawn(folders: Sequence[_Folder]) -> str:
    """Return folders for a sentence: "beagle/ (12 photos), boxer/ (train/: 5 photos)"."""
    return _some(
        [
            f"{folder.name}/ ({', '.join(_inner(folder)) or f'{folder.photos:,} photos'})"
            for folder in folders
        ]
    )


def _inner(folder: _Folder) -> Iterator[str]:
    inner = folder.with_photos()
    for each in inner[:3]:
        yield f"{each.name}/: {each.photos:,} photos"
    if len(inner) > 3:  # noqa: PLR2004
        yield f"and {len(inner) - 3:,} more folders"


def _some(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _EXAMPLES:,} more"] if len(names) > _EXAMPLES else []
    return ", ".join([*names[:_EXAMPLES], *more])
