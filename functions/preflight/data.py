"""Count the photos in the bucket by split and breed, without reading any.

    data/train/beagle/1.jpg, data/valid/..., data/test/...     or     data/beagle/1.jpg, ...

Training's audit checks their content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["DATA", "Photos", "find_photos", "photo_problems"]

DATA = "data/"
SPLITS = ("train", "valid", "test")
_FEWEST_BREEDS = 2
_SPLIT_DEPTH, _FLAT_DEPTH = 3, 2  # parts of a key below data/: split, breed, file; breed, file


@dataclass(frozen=True, slots=True)
class Photos:
    """Counts of the files under data/."""

    by_split: dict[str, Counter[str]]  # split -> breed -> files; without splits all are "train"
    channels: dict[str, str]  # channel of the training job -> prefix in the bucket

    @property
    def count(self) -> int:
        """Number of files."""
        return sum(breeds.total() for breeds in self.by_split.values())

    def summary(self) -> dict[str, Any]:
        """Return the counts for the execution's output, without a list of unbounded length."""
        return {
            "photos": {split: breeds.total() for split, breeds in self.by_split.items()},
            "breeds": len(set().union(*self.by_split.values())),
            "channels": self.channels,
        }


def find_photos(s3: S3Client, bucket: str) -> Photos:
    """Count the files below data/; keys that end in a slash are folders made by the console."""
    keys = [key for key in _keys(s3, bucket) if not key.endswith("/")]
    paths = [key.removeprefix(DATA).split("/") for key in keys]
    has_splits = any(len(path) >= _SPLIT_DEPTH and path[0] == "train" for path in paths)
    by_split: dict[str, Counter[str]] = {}
    for path in paths:
        if has_splits and path[0] in SPLITS and len(path) >= _SPLIT_DEPTH:
            by_split.setdefault(path[0], Counter())[path[1]] += 1
        elif not has_splits and len(path) >= _FLAT_DEPTH:
            by_split.setdefault("train", Counter())[path[0]] += 1
    channels = (
        {name: f"{DATA}{name}/" for name in SPLITS if name in by_split}
        if has_splits
        else dict.fromkeys(by_split, DATA)
    )
    return Photos(by_split, channels)


def photo_problems(photos: Photos) -> Iterator[str]:
    """Yield a sentence for each problem that would stop a training at its start."""
    breeds = photos.by_split.get("train", Counter())
    if len(breeds) < _FEWEST_BREEDS:
        names = ", ".join(breeds) or "none"
        yield (
            f"Below {DATA} there are photos of {len(breeds)} breed to train on ({names}), and a "
            f"classifier needs {_FEWEST_BREEDS}: upload a folder for each breed to {DATA}train/."
        )
    for name in SPLITS[1:]:
        unknown = sorted(set(photos.by_split.get(name, ())) - set(breeds))
        if unknown:
            yield (
                f"{DATA}{name}/ has {', '.join(unknown[:5])}, which {DATA}train/ lacks: "
                "name the folders alike, or take them away."
            )


def _keys(s3: S3Client, bucket: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA):
        yield from (entry["Key"] for entry in page.get("Contents", []))
