"""Labels of photos by the names of their folders, for a list of breeds."""

import re
from collections.abc import Sequence
from pathlib import Path

#: What a folder of photos without a dog is named, as `_key` writes it.
_NO_DOG = {"nodog", "nodogs", "notdog", "notdogs", "notadog", "notadogs"}
_NUMBER = re.compile(r"(\d+\.|n\d{8}[-_ ])")  # of 001.Affenpinscher, n02085620-Chihuahua
_SHORTENED = 5  # letters from which the beginning of a breed's name can stand for it


class Unlabelled(Exception):  # noqa: N818
    """No folder of the photo has the name of a breed."""


def breed_by_folder(photo: Path, root: Path, breeds: Sequence[str]) -> str | None:
    """Return the breed after which `root`, or the nearest folder below it, is named.

    Case, spaces, hyphens, a number in front and a plural make no difference; the beginning of a
    name stands for it if no other breed's name begins so. None is the label of a folder "no dog".

    Raises
    ------
    Unlabelled
        If no folder is named so.
    """
    for folder in [*reversed(photo.relative_to(root).parts[:-1]), root.resolve().name]:
        key = _key(folder)
        if key in _NO_DOG:
            return None
        exact = [breed for breed in breeds if _key(breed) == key]
        similar = exact or [breed for breed in breeds if _is_similar(key, _key(breed))]
        if len(similar) == 1:
            return similar[0]
    raise Unlabelled(photo)


def _is_similar(key: str, breed: str) -> bool:
    is_beginning = len(key) >= _SHORTENED and breed.startswith(key)
    return is_beginning or key in {f"{breed}s", f"{breed}dog", f"{breed}dogs"}


def _key(name: str) -> str:
    """Return the letters and digits alone, in lower case, without a number in front."""
    numbered = _NUMBER.match(name)
    name = name[numbered.end() :] if numbered else name
    return "".join(filter(str.isalnum, name.casefold()))
