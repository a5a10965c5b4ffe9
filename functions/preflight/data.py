"""Read the photos' folders out of the bucket's listing, by the rules of `model/dogbreeds/data`.

    data/train/beagle/1.jpg, data/valid/..., data/test/...     or     data/beagle/1.jpg, ...

No object is read here. `findings.py` judges the listing, `sample.py` looks into some photos.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["DATA", "NO_PHOTOS", "SPLITS", "Photo", "Photos", "find_photos", "is_photo_name"]

DATA = "data/"
SPLITS = ("train", "valid", "test")
SPLIT_OF_FOLDER = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
# What operating systems and downloads leave in folders, besides names with a dot in front.
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"})
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic")
_NUMBER = re.compile(r"^\d+\.\s*")  # 001.Affenpinscher
_SYNSET = re.compile(r"^(n\d{8})(?:[-_ ]+|$)")  # n02085620-Chihuahua
_FEWEST_BREEDS = 2
_EXAMPLES = 5  # names in a sentence


@dataclass(frozen=True, slots=True)
class Photo:
    """An object inside a breed's folder."""

    key: str
    split: str
    folder: str  # the breed's, as written
    size: int  # bytes
    etag: str  # equal for equal bytes


@dataclass(frozen=True, slots=True)
class Photos:
    """The objects under data/."""

    photos: tuple[Photo, ...]
    outside: tuple[str, ...]  # keys of photos beside the breeds' folders
    empty: tuple[str, ...]  # breeds' folders that hold only hidden files
    channels: Mapping[str, str]  # channel of the training job -> prefix in the bucket
    problems: tuple[str, ...]  # a sentence for each reason not to train on these folders at all

    @property
    def count(self) -> int:
        """Number of photos."""
        return len(self.photos)

    @property
    def made_splits(self) -> int:
        """How many splits training must take out of train."""
        return len(SPLITS) - len(self.channels)

    @property
    def has_mixed_names(self) -> bool:
        """Whether some folders name a breed by its synset and some by words.

        Which of them are one breed only training knows, which has ImageNet's names.
        """
        return len({bool(_SYNSET.match(_plain(photo.folder))) for photo in self.photos}) > 1

    def summary(self) -> dict[str, Any]:
        """Return the counts for the execution's output, without a list of unbounded length."""
        splits = [photo.split for photo in self.photos]
        return {
            "photos": {split: splits.count(split) for split in SPLITS if split in splits},
            "breeds": len({breed_key(photo.folder) for photo in self.photos}),
            "channels": dict(self.channels),
        }


def is_photo_name(name: str) -> bool:
    """Return whether a file's name ends as a photo's does."""
    return name.lower().endswith(PHOTO_SUFFIXES)


def breed_key(folder: str) -> str:
    """Return what two folders of one breed have in common: a synset, or the letters and digits."""
    name = _plain(folder)
    if match := _SYNSET.match(name):
        return match[1]
    folded = name.casefold()
    return "".join(character for character in folded if character.isalnum()) or folded


NO_PHOTOS = Photos((), (), (), {}, ())


def find_photos(s3: S3Client, bucket: str) -> Photos:
    """List the objects below data/; keys that end in a slash are folders made by the console."""
    objects = [each for each in _objects(s3, bucket) if not each["Key"].endswith("/")]
    paths = {each["Key"]: _path(each["Key"]) for each in objects}
    folders = sorted({p[0] for p in paths.values() if len(p) > 1 and not _is_hidden(p[0])})
    split_of = {
        name: SPLIT_OF_FOLDER[name.lower()] for name in folders if name.lower() in SPLIT_OF_FOLDER
    }
    photos, outside, breed_folders = [], [], {}
    for each in objects:
        key, path = each["Key"], paths[each["Key"]]
        if split_of and path[0] not in split_of:
            continue  # in no channel
        split, *inside = (split_of[path[0]], *path[1:]) if split_of else ("train", *path)
        if len(inside) > 1 and not _is_hidden(inside[0]):
            breed_folders[key.rsplit("/", len(inside) - 1)[0] + "/"] = breed_key(inside[0])
        if any(_is_hidden(part) for part in inside):
            continue
        if len(inside) > 1:
            photos.append(Photo(key, split, inside[0], each["Size"], each["ETag"]))
        elif is_photo_name(key):
            outside.append(key)
    prefixes = {split: f"{DATA}{name}/" for name, split in split_of.items()} or {"train": DATA}
    channels = {split: prefixes[split] for split in SPLITS if split in prefixes}
    problems = [*_layout_problems(folders, split_of), *_clashes(paths)]
    if photos and not problems:
        problems += _breed_problems(photos, channels)
    if not photos:
        visible = [key for key, path in paths.items() if not any(map(_is_hidden, path))]
        problems += _no_photos(visible)
    used = {breed_key(photo.folder) for photo in photos}
    empty = tuple(sorted(name for name, key in breed_folders.items() if key not in used))
    channels = channels if photos else {}
    outside = outside if photos else []
    return Photos(tuple(photos), tuple(outside), empty, channels, tuple(problems))


def _no_photos(keys: Sequence[str]) -> Iterator[str]:
    if keys:
        yield (
            f"{DATA} holds {len(keys):,} files and no photo in a breed's folder "
            f"({', '.join(keys[:_EXAMPLES])}): upload photos to {DATA}train/<breed>/, or delete "
            "these to release the pretrained model."
        )


def _layout_problems(folders: Sequence[str], split_of: Mapping[str, str]) -> Iterator[str]:
    """Yield what model/dogbreeds/data/layouts.py refuses."""
    if not split_of:
        return
    names = " and ".join(f"{name}/" for name in split_of)
    for split in SPLITS:
        same = [f"{name}/" for name in split_of if split_of[name] == split]
        if len(same) > 1:
            yield (
                f"{DATA} holds both {' and '.join(same)}, which are the same split: keep one of "
                "them."
            )
    if others := [name for name in folders if name not in split_of]:
        yield (
            f"{DATA} holds {names} and also {', '.join(others[:_EXAMPLES])}: put the breeds' "
            "folders inside the splits, and move what is neither elsewhere."
        )
    if "train" not in split_of.values():
        yield f"{DATA} holds {names}, but no train/: add it."


def _clashes(paths: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield objects that have the name of a folder, which SageMaker cannot download both."""
    folders = {
        DATA + "/".join(path[:depth]) for path in paths.values() for depth in range(1, len(path))
    }
    if clashing := sorted(folders & set(paths)):
        yield (
            f"{', '.join(clashing[:_EXAMPLES])} is an object and a folder at once, which a "
            "training job cannot download: delete the object."
        )


def _breed_problems(photos: Sequence[Photo], channels: Mapping[str, str]) -> Iterator[str]:
    breeds = {breed_key(photo.folder): photo.folder for photo in photos}
    if len(breeds) < _FEWEST_BREEDS:
        yield (
            f"{DATA} holds photos of one breed only ({', '.join(breeds.values())}), and a "
            f"classifier needs at least two: upload a folder for each breed to {channels['train']}."
        )
    for split, prefix in channels.items():
        if not any(photo.split == split for photo in photos):
            yield f"There are no photos in {prefix}: training needs some in each split."


def _objects(s3: S3Client, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA):
        yield from page.get("Contents", [])


def _path(key: str) -> list[str]:
    return [part for part in key.removeprefix(DATA).split("/") if part]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def _plain(folder: str) -> str:
    return _NUMBER.sub("", unicodedata.normalize("NFC", folder).strip())
