"""One look at every photo of a data set: its digest, its perceptual hash, or why it has none."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dogbreeds.data.dataset import Photo
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.near_duplicates import Hash, perceptual_hash
from dogbreeds.training.progress import Progress

NO_PHOTO = ""  # the digest of a file that could not be opened


@dataclass(frozen=True)
class Look:
    """What the audit knows of one photo."""

    digest: str  # sha256 of the bytes, in hex
    problem: str = ""  # a sentence, for a photo that cannot be decoded
    short_side: int = 0  # pixels, after the way to the wire
    hash: Hash | None = None


def look_at(photos: Sequence[Photo]) -> list[Look]:
    """Read and decode all `photos`, several at a time; Pillow decodes outside Python's lock."""
    threads = int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1)
    looks = []
    with ThreadPoolExecutor(threads) as pool, Progress("auditing", len(photos)) as progress:
        for look in pool.map(_look, photos):
            looks.append(look)
            progress.step()
    return looks


def _look(photo: Photo) -> Look:
    try:
        body = photo.path.read_bytes()
    except OSError as error:
        return Look(NO_PHOTO, f"The file cannot be opened: {error.strerror}.")
    digest = hashlib.sha256(body).hexdigest()
    try:
        image = wire_image(body)
    except PhotoError as error:
        # the rest of the sentence advises someone who sends a photo to the API
        what = str(error).split(";", maxsplit=1)[0].replace("The body", "The file")
        return Look(digest, f"{what}.")
    return Look(digest, "", min(image.size), perceptual_hash(image))
