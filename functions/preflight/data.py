"""What photos lie in the bucket: a count by split and breed, without opening one.

    data/train/beagle/1.jpg, data/valid/..., data/test/...     or     data/beagle/1.jpg, ...

Whether they are any good is for training's audit, which sees their content.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["DATA", "S3", "Photos", "find_photos", "photo_problems"]

DATA = "data/"
SPLITS = ("train", "valid", "test")
_FEWEST_BREEDS = 2
_SPLIT_DEPTH, _FLAT_DEPTH = 3, 2  # parts of a key below data/: split, breed, file; breed, file


class S3(Protocol):
    """What is needed of boto3's `s3` client."""

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """Names below a prefix, a thousand at a time."""


@dataclass(frozen=True, slots=True)
class Photos:
    """Counts of what lies under data/."""

    by_split: dict[str, Counter[str]]  # split -> breed -> files; without splits all are "train"
    channels: dict[str, str]  # of the training job: name -> prefix in the bucket

    @property
    def count(self) -> int:
        """All files."""
        return sum(breeds.total() for breeds in self.by_split.values())

    def summary(self) -> dict[str, Any]:
        """Give what the execution shows: numbers, and no list that could grow without bound."""
        return {
            "photos": {split: breeds.total() for split, breeds in self.by_split.items()},
            "breeds": len(set().union(*self.by_split.values())),
            "channels": self.channels,
        }


def find_photos(s3: S3, bucket: str) -> Photos:
    """Count the files below data/; keys that end in a slash are the console's folders."""
    keys = [key for key in _keys(s3, bucket) if not key.endswith("/")]
    parts = [key.removeprefix(DATA).split("/") for key in keys]
    split = any(len(each) >= _SPLIT_DEPTH and each[0] == "train" for each in parts)
    by_split: dict[str, Counter[str]] = {}
    for each in parts:
        if split and each[0] in SPLITS and len(each) >= _SPLIT_DEPTH:
            by_split.setdefault(each[0], Counter())[each[1]] += 1
        elif not split and len(each) >= _FLAT_DEPTH:
            by_split.setdefault("train", Counter())[each[0]] += 1
    channels = (
        {name: f"{DATA}{name}/" for name in SPLITS if name in by_split}
        if split
        else dict.fromkeys(by_split, DATA)
    )
    return Photos(by_split, channels)


def photo_problems(photos: Photos) -> Iterator[str]:
    """Yield a sentence for each thing that would stop a training before it has begun."""
    breeds = photos.by_split.get("train", Counter())
    if len(breeds) < _FEWEST_BREEDS:
        names = ", ".join(breeds) or "none"
        yield (
            f"Below {DATA} there are photos of {len(breeds)} breed to train on ({names}), and a "
            f"classifier needs {_FEWEST_BREEDS}: upload a folder for each breed to {DATA}train/."
        )
    for name in SPLITS[1:]:
        strange = sorted(set(photos.by_split.get(name, ())) - set(breeds))
        if strange:
            yield (
                f"{DATA}{name}/ has {', '.join(strange[:5])}, which {DATA}train/ lacks: "
                "name the folders alike, or take them away."
            )


def _keys(s3: S3, bucket: str) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        page = s3.list_objects_v2(Bucket=bucket, Prefix=DATA, **more)
        yield from (each["Key"] for each in page.get("Contents", []))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}
