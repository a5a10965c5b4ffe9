"""Measure every photo of a data set: its digest, its size, its perceptual hash, or its defect.

`data/audit_rules.py` judges what is measured here.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dogbreeds.package.archive import sha256
from dogbreeds.photos.decode import LoadPhoto, PhotoError, load_photo
from dogbreeds.photos.near_duplicates import Hash, perceptual_hash
from dogbreeds.training.progress import Progress


@dataclass(frozen=True)
class PhotoQuality:
    """What was measured of one photo."""

    digest: str  # SHA-256 of the bytes, in hex; "" for a file that cannot be opened
    problem: str = ""  # a sentence, for a photo that cannot be decoded
    short_side: int = 0  # pixels, of the wire
    hash: Hash | None = None


def measure_quality(
    paths: Sequence[Path], load: LoadPhoto = load_photo, threads: int | None = None
) -> list[PhotoQuality]:
    """Decode and measure photos, several at a time; Pillow decodes outside Python's lock.

    Parameters
    ----------
    threads : int, optional
        By default SM_NUM_CPUS, or all cores.
    """
    threads = threads or int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1)
    qualities = []
    with ThreadPoolExecutor(threads) as pool, Progress("auditing", len(paths)) as progress:
        for quality in pool.map(lambda path: _measure(path, load), paths):
            qualities.append(quality)
            progress.update()
    return qualities


def _measure(path: Path, load: LoadPhoto) -> PhotoQuality:
    try:
        digest = sha256(path)
        image = load(path)
    except OSError as error:
        return PhotoQuality("", f"The file cannot be opened: {error.strerror}.")
    except PhotoError as error:
        # the rest of the sentence advises someone who sends a photo to the API
        sentence = str(error).removeprefix(f"{path.name}: ").split(";", maxsplit=1)[0]
        return PhotoQuality(digest, f"{sentence.replace('The body', 'The file')}.")
    return PhotoQuality(digest, "", min(image.size), perceptual_hash(image))
