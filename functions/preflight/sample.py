"""Decode some of the photos, to find files that training would not read before a job starts.

The classifier's own decoder judges them: training's takes and refuses the same files. The smallest
files come first, since what is cut short, or a page with an error message, is small.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from classify.photo import decode
from common.aws import error_code
from common.problem import Problem, UnsupportedType
from preflight.data import Photo

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["MIN_SIDE", "Look", "choose", "look_into"]

MAX_PHOTOS = 100
MAX_TOTAL_BYTES = 50_000_000
MAX_S = 15.0  # of the function's 60 s; most photos take some 20 ms
MIN_SIDE = 32  # pixels of the shorter side (audit_rules.MIN_SIDE)
_MAX_BYTES = 4_500_000  # of a photo that is decoded; of a larger one only the format is judged
_HEAD_BYTES = 65_536  # read of a larger one
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_PARALLEL_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one photo."""

    problem: str = ""  # a sentence, for one that cannot be decoded
    short_side: int = MIN_SIDE  # pixels

    @property
    def is_sound(self) -> bool:
        """Whether training would read and use the photo."""
        return not self.problem and self.short_side >= MIN_SIDE


def choose(photos: Sequence[Photo]) -> list[Photo]:
    """Choose the photos to decode, each content once.

    Odd names come first, then what occurs twice, then of each folder in turn the smallest photo.
    """
    by_folder: dict[tuple[str, str], list[Photo]] = defaultdict(list)
    copies = Counter(photo.etag for photo in photos)
    distinct = {photo.etag: photo for photo in photos if photo.size}
    for photo in sorted(distinct.values(), key=lambda photo: (photo.size, photo.key)):
        by_folder[photo.split, photo.folder].append(photo)
    in_turn = [photo for photo in chain(*zip_longest(*by_folder.values())) if photo]
    in_turn.sort(key=lambda p: (p.key.lower().endswith(_SUFFIXES), copies[p.etag] == 1))
    chosen, total = [], 0
    for photo in in_turn[:MAX_PHOTOS]:
        total += photo.size if photo.size <= _MAX_BYTES else _HEAD_BYTES
        if total <= MAX_TOTAL_BYTES:
            chosen.append(photo)
    return chosen


def look_into(
    s3: S3Client,
    bucket: str,
    photos: Sequence[Photo],
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Look]:
    """Decode the chosen photos; return what was seen, by ETag.

    Parameters
    ----------
    clock
        Seconds; after `MAX_S` the rest is left out.
    """
    looks: dict[str, Look] = {}
    deadline = clock() + MAX_S
    chosen = choose(photos)
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
        bodies = pool.map(lambda photo: _read(s3, bucket, photo), chosen)
        for photo, body in zip(chosen, bodies, strict=True):
            looks[photo.etag] = _look(body, photo) if isinstance(body, bytes) else body
            if clock() > deadline:
                pool.shutdown(cancel_futures=True)
                break
    return looks


def _read(s3: S3Client, bucket: str, photo: Photo) -> bytes | Look:
    """Read a photo; return the reason if a training job could not read it either."""
    last = photo.size - 1 if photo.size <= _MAX_BYTES else _HEAD_BYTES - 1
    try:
        answer = s3.get_object(Bucket=bucket, Key=photo.key, Range=f"bytes=0-{last}")
    except ClientError as error:
        if error_code(error) == "NoSuchKey":  # deleted since the listing
            return Look()
        return Look(f"S3 refuses it: {error.response['Error'].get('Message', error)}")
    body: bytes = answer["Body"].read()
    return body


def _look(body: bytes, photo: Photo) -> Look:
    try:
        decoded = decode(body)
    except Problem as problem:
        if len(body) < photo.size and not isinstance(problem, UnsupportedType):
            return Look()  # only its beginning was read
        # the rest of the sentence advises someone who sends a photo to the API
        return Look(f"{str(problem).split(';', maxsplit=1)[0].rstrip('.')}.")
    return Look(short_side=min(decoded.width, decoded.height))
