"""Read the names of folders and files: which split, which breed, photo or not."""

import json
import re
import unicodedata
from functools import cache
from pathlib import Path

SPLITS = ("train", "valid", "test")
_HERE = Path(__file__).parent
_WORDS = json.loads((_HERE / "words.json").read_text("utf-8"))
_SPLIT_OF_WORD: dict[str, str] = {
    word: split for split, words in _WORDS["splits"].items() for word in words
}
# Beside a word for a split these change nothing: train_images, Dogs-Test, val2, my training set.
_FILLERS = frozenset(_WORDS["fillers"])
# Folders that hold photos of all breeds, never those of one: images, dataset.
_CONTAINERS = frozenset(_WORDS["containers"])
# Folders beside the photos with something about them: annotations, masks.
_COMPANIONS = frozenset(_WORDS["companions"])
# What operating systems and downloads leave in folders, besides names with a dot in front.
_SYSTEM_FILES = frozenset(_WORDS["system files"])
_PHOTO_SUFFIXES = frozenset(_WORDS["photo suffixes"])
_OTHER_SUFFIXES = frozenset(_WORDS["other suffixes"])
_NUMBER = re.compile(r"\d+\.\s*(?=[^\W\d_])")  # dogImages: 001.Affenpinscher; but not 1.5
_SYNSET = re.compile(r"(n\d{8})(?:[-_ ]+|$)")  # Stanford Dogs: n02085620-Chihuahua
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or the operating system's own."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def is_photo_name(name: str) -> bool:
    """Return whether a file's name ends as a photo's does, of any format."""
    return _suffix(name) in _PHOTO_SUFFIXES


def is_other_file(name: str) -> bool:
    """Return whether a file's name ends as that of a text, table, archive or the like does."""
    return _suffix(name) in _OTHER_SUFFIXES


def split_of(name: str) -> str | None:
    """Return the split that a folder's name means, in any spelling: Training, val, test_images."""
    words = _words(name)
    whole = _SPLIT_OF_WORD.get("".join(words))
    if whole:
        return whole
    rest = [word for word in words if word not in _FILLERS | _CONTAINERS]
    splits = {_SPLIT_OF_WORD.get(word) for word in rest}
    if splits == {"train", "valid"}:  # train_val, which is trained on where a test split exists
        return "train"
    return splits.pop() if len(splits) == 1 else None


def is_container(name: str) -> bool:
    """Return whether a folder's name is a word for photos: images, dog_photos, dataset2."""
    words = _words(name)
    return any(w in _CONTAINERS for w in words) and all(w in _CONTAINERS | _FILLERS for w in words)


def is_companion(name: str) -> bool:
    """Return whether a folder's name is a word for what goes with photos: annotations, masks."""
    words = _words(name)
    return any(w in _COMPANIONS for w in words) and all(
        w in _COMPANIONS | _CONTAINERS | _FILLERS for w in words
    )


def read_name(folder: str) -> tuple[str, str]:
    """Return (synset or "", name) of a breed's folder: "n02085620-Chihuahua", "001.Beagle".

    A name that reads to nothing, such as "1." or "_", is returned as it is.
    """
    name = _NUMBER.sub("", unicodedata.normalize("NFC", folder).strip(), count=1)
    if match := _SYNSET.match(name):
        return match[1], name[match.end() :] or match[1]
    return "", name


def letters(name: str) -> str:
    """Return what the spellings of one name have in common: "Shih-Tzu" and "shih_tzu".

    Letters, digits and marks (the vowel signs of many scripts) stay; of what is between two digits
    a point stays, since 1.5 and 15 are two names.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    kept: list[str] = []
    is_gap = False
    for character in folded:
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            if is_gap and kept and kept[-1].isdigit() and character.isdigit():
                kept.append(".")
            kept.append(character)
            is_gap = False
        else:
            is_gap = True
    return "".join(kept) or folded


def breed_key(folder: str) -> str:
    """Return what all folders of one breed have in common.

    ImageNet's synset and ImageNet's name for it are one breed.
    """
    synset, name = read_name(folder)
    own = known_breeds().get(synset)
    return letters(own[0] if own else name)


def is_breed(folder: str) -> bool:
    """Return whether a folder has the name of a breed that ImageNet has, or any synset."""
    synset, name = read_name(folder)
    return bool(synset) or letters(name) in _known_names()


@cache
def known_breeds() -> dict[str, list[str]]:
    """Return ImageNet's dogs: synset -> names, the one that is shown first."""
    breeds: dict[str, list[str]] = json.loads((_HERE / "breeds.json").read_text("utf-8"))
    return breeds


@cache
def _known_names() -> frozenset[str]:
    return frozenset(letters(name) for names in known_breeds().values() for name in names)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", name))]


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
