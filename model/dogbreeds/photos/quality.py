"""Measure every photo of a data set: its digest, size, perceptual hash and looks, or its defect.

`data/audit_rules.py` judges what is measured here.

The looks are measured on the wire. `bench/photo_quality.py` prints how many photos with each defect
are found, and how many real ones are taken for such.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.package.archive import sha256
from dogbreeds.photos.decode import LoadPhoto, PhotoError, load_photo
from dogbreeds.photos.near_duplicates import Hash, perceptual_hash
from dogbreeds.training.progress import Progress

LONG = 2.5  # longer side over shorter one
DARK = 95, 30.0  # levels of 255: the brightest pixel but for 1 %, and the mean
PALE = 140  # levels: the darkest pixel but for 5 %
CUT_OFF = (
    0.35,
    0.02,
    0.65,
)  # shares of pixels: at the top in some colour, of these not white; at most
ONE_COLOUR = 20  # levels: nine tenths of the pixels differ less from the median colour
BLURRED = 0.325  # of the contrast of the strongest edges, what lies within _NEAR pixels
_EDGE = 0.995  # quantile of the contrast
_NEAR, _FAR = 2, 8  # pixels

_Levels = NDArray[np.integer]


@dataclass(frozen=True)
class PhotoQuality:
    """What was measured of one photo."""

    digest: str  # SHA-256 of the bytes, in hex; "" for a file that cannot be opened
    problem: str = ""  # a sentence, for a photo that cannot be decoded
    short_side: int = 0  # pixels, of the wire
    hash: Hash | None = None
    defects: tuple[tuple[str, str], ...] = ()  # kind of the audit's finding, what was measured


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


def defects(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """Return the kinds of defect that an RGB picture shows, each with what was measured.

    A picture that is nearly of one colour, dark or over-exposed is not judged for blur: it has no
    edges to judge.
    """
    shown = []
    long = max(image.size) / min(image.size)
    if long >= LONG:
        shown.append(("odd-aspect", f"{long:.1f} times as long as wide"))
    rgb, grey = np.asarray(image), np.asarray(image.convert("L"))
    brightest, darkest, mean = _quantile(grey, 0.99), _quantile(grey, 0.05), float(grey.mean())
    median = np.array([_quantile(rgb[..., colour], 0.5) for colour in range(3)], np.int16)
    spread = _quantile(np.abs(rgb - median).max(axis=2), 0.9)
    if brightest < DARK[0] or mean < DARK[1]:
        shown.append(("dark", f"mean {mean:.0f} of 255, brightest {brightest}"))
    elif darkest > PALE or _is_cut_off(rgb):
        shown.append(("over-exposed", f"mean {mean:.0f} of 255, darkest {darkest}"))
    elif spread < ONE_COLOUR:
        shown.append(("one-colour", f"nine tenths lie within {spread} of 255 of one colour"))
    elif (share := _sharpness(grey.astype(np.int16))) < BLURRED:
        shown.append(("blurry", f"{share:.0%} of the edges' contrast lies within {_NEAR} pixels"))
    return tuple(shown)


def _is_cut_off(rgb: _Levels) -> bool:
    """Return whether much has a colour at its highest, and some of it is not white.

    A white background is white in all three; of an over-exposed colour one is cut off first.
    """
    top = rgb.max(axis=2) >= 253  # noqa: PLR2004
    much, coloured, most = CUT_OFF
    share = float(top.mean())
    not_white = float((top & (rgb.min(axis=2) < 245)).mean())  # noqa: PLR2004
    return share > most or (share > much and not_white > coloured)


def _sharpness(grey: _Levels) -> float:
    """Return which share of the strongest edges' contrast lies within ``_NEAR`` pixels.

    Of the direction with the smaller share, since a camera moves in one. Blur over many pixels
    leaves ``_NEAR / _FAR``; 1 where a picture is too small to tell.
    """
    shares = [1.0]
    for lines in (grey, grey.T):
        if lines.shape[1] > _FAR:
            near, far = (
                _quantile(np.abs(lines[:, step:] - lines[:, :-step]), _EDGE)
                for step in (_NEAR, _FAR)
            )
            shares.append(near / max(1, far))
    return min(shares)


def _quantile(levels: _Levels, share: float) -> int:
    counts = np.bincount(levels.ravel(), minlength=256).cumsum()
    return int(np.searchsorted(counts, share * counts[-1]))


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
    return PhotoQuality(digest, "", min(image.size), perceptual_hash(image), defects(image))
