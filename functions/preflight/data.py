"""Read the photos out of the bucket's listing, by the same rules as training: `folders`.

    data/train/beagle/1.jpg, data/valid/..., data/test/...     or     data/beagle/1.jpg, ...

No object is read here. `findings.py` judges the listing, `sample.py` looks into some photos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from preflight.folders import (
    SPLITS,
    Arrangement,
    arrange,
    breed_key,
    is_hidden,
    is_other_file,
    is_photo_name,
)

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["DATA", "NO_PHOTOS", "SPLITS", "Photo", "Photos", "breed_key", "find_photos"]

DATA = "data/"
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
    empty: tuple[str, ...]  # breeds' folders without a photo
    given: frozenset[str]  # splits; training takes the others out of train
    channels: Mapping[str, str]  # channel of the training job -> prefix in the bucket
    problems: tuple[str, ...]  # a sentence for each reason not to train on these folders at all

    @property
    def count(self) -> int:
        """Number of photos."""
        return len(self.photos)

    @property
    def made_splits(self) -> int:
        """How many splits training must take out of train."""
        return len(SPLITS) - len(self.given)

    def summary(self) -> dict[str, Any]:
        """Return the counts for the execution's output, without a list of unbounded length."""
        splits = [photo.split for photo in self.photos]
        return {
            "photos": {split: splits.count(split) for split in SPLITS if split in splits},
            "breeds": len({breed_key(photo.folder) for photo in self.photos}),
            "channels": dict(self.channels),
        }


NO_PHOTOS = Photos((), (), (), frozenset(), {}, ())


def find_photos(s3: S3Client, bucket: str) -> Photos:
    """List the objects below data/; keys that end in a slash are folders made by the console."""
    objects = {
        _path(each["Key"]): each for each in _objects(s3, bucket) if not each["Key"].endswith("/")
    }
    visible = [path for path in objects if not any(map(is_hidden, path))]
    folders = {path[:-1] for path in objects if not any(map(is_hidden, path[:-1]))}
    arranged = arrange(visible, lambda path: not is_other_file(path[-1]), folders, DATA)
    photos = []
    for path, split, folder in arranged.placed:
        entry = objects[path]
        photos.append(Photo(entry["Key"], split, folder, entry["Size"], entry["ETag"]))
    photos.sort(key=lambda photo: photo.key)
    outside = (objects[path]["Key"] for path in arranged.outside if is_photo_name(path[-1]))
    return Photos(
        tuple(photos),
        tuple(outside) if photos else (),
        tuple(sorted(_prefix(path) for path in arranged.empty)),
        frozenset(arranged.given),
        _channels(arranged) if photos else {},
        tuple(_problems(arranged, photos, [objects[path]["Key"] for path in objects], visible)),
    )


def _channels(arranged: Arrangement) -> dict[str, str]:
    splits = arranged.splits or {"train": arranged.root}
    return {split: _prefix(splits[split]) for split in SPLITS if split in splits}


def _problems(
    arranged: Arrangement,
    photos: Sequence[Photo],
    keys: Sequence[str],
    visible: Sequence[tuple[str, ...]],
) -> Iterator[str]:
    yield from _clashes(keys)
    if not photos:
        for problem in arranged.problems or _no_photos(visible):
            yield f"{problem} Or delete these files to release the pretrained model."
        return
    yield from arranged.problems
    if "train" not in arranged.given:
        names = " and ".join(f"{split}/" for split in SPLITS if split in arranged.given)
        yield f"{DATA} holds {names}, but no train/: add it."
    elif not arranged.problems:
        yield from _breed_problems(photos, arranged)


def _no_photos(visible: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if visible:
        names = [DATA + "/".join(path) for path in visible[:_EXAMPLES]]
        yield (
            f"{DATA} holds {len(visible):,} files and no photo in a breed's folder "
            f"({', '.join(names)}): upload photos to {DATA}train/<breed>/."
        )


def _clashes(keys: Sequence[str]) -> Iterator[str]:
    """Yield objects that have the name of a folder, which SageMaker cannot download both."""
    parts = [key.split("/") for key in keys]
    folders = {"/".join(each[:depth]) for each in parts for depth in range(1, len(each))}
    if clashing := sorted(folders & set(keys)):
        yield (
            f"{', '.join(clashing[:_EXAMPLES])} is an object and a folder at once, which a "
            "training job cannot download: delete the object."
        )


def _breed_problems(photos: Sequence[Photo], arranged: Arrangement) -> Iterator[str]:
    breeds = {breed_key(photo.folder): photo.folder for photo in photos}
    if len(breeds) < _FEWEST_BREEDS:
        yield (
            f"{DATA} holds photos of one breed only ({', '.join(breeds.values())}), and a "
            "classifier needs at least two: upload a folder for each breed to "
            f"{_channels(arranged)['train']}."
        )
    for split, path in arranged.splits.items():
        if not any(photo.split == split for photo in photos):
            yield f"There are no photos in {_prefix(path)}: training needs some in each split."


def _objects(s3: S3Client, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA):
        yield from page.get("Contents", [])


def _path(key: str) -> tuple[str, ...]:
    return tuple(part for part in key.removeprefix(DATA).split("/") if part)


def _prefix(path: tuple[str, ...]) -> str:
    return DATA + "".join(f"{name}/" for name in path)
