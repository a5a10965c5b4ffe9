"""Thumbnails of the photos that the report shows, without metadata and within a size limit.

It shows photos of the breeds most often confused, and photos that may be in a wrong folder.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from PIL import Image

from dogbreeds.photos.decode import PhotoError

PAIRS = 12  # most confused pairs that are shown
PHOTOS_A_PAIR = 4
THUMBNAIL = 150  # pixels of the shorter side
PAIRS_BYTES = 900_000  # of all photos of these pairs; base64 adds a third
WRONG_LABELS = 24  # photos that may be in a wrong folder; audit.json lists all of them
WRONG_LABELS_BYTES = 300_000  # of all of these

ReadPhoto = Callable[[str], Image.Image]  # the wire image of a photo's name


class Thumbnail(NamedTuple):
    """A photo as a data URI, or the reason why it is not shown."""

    name: str
    source: str
    reason: str


@dataclass(frozen=True)
class ConfusedPair:
    """A breed that was taken for another one, with photos."""

    truth: str
    said: str
    photos_wrong: int
    thumbnails: list[Thumbnail]


@dataclass(frozen=True)
class WrongLabel:
    """A photo that may be in a wrong folder."""

    name: str
    reason: str
    thumbnail: Thumbnail


@dataclass(frozen=True)
class WrongLabels:
    """All photos that may be in a wrong folder, the first of them with thumbnails."""

    total: int
    shown: list[WrongLabel]


class Thumbnails:
    """Makes thumbnails until their bytes reach a limit."""

    def __init__(self, read: ReadPhoto, limit: int) -> None:
        self._read, self._bytes_left = read, limit

    def __call__(self, name: str) -> Thumbnail:
        """Return the thumbnail of the photo `name`."""
        try:
            jpeg = _small_jpeg(self._read(name))
        except (OSError, PhotoError) as error:
            return Thumbnail(name, "", f"cannot be shown ({error})")
        if len(jpeg) > self._bytes_left:
            return Thumbnail(name, "", "left out to keep this page small")
        self._bytes_left -= len(jpeg)
        encoded = base64.b64encode(jpeg).decode()
        return Thumbnail(name, f"data:image/jpeg;base64,{encoded}", "")


def wrong_labels(finding: Mapping[str, Any], read: ReadPhoto) -> WrongLabels:
    """Return the photos that may be in a wrong folder, the least plausible labels first."""
    items = list(finding["items"])
    thumbnail = Thumbnails(read, WRONG_LABELS_BYTES)
    shown = []
    for item in items[:WRONG_LABELS]:
        (name,) = item["files"]
        shown.append(WrongLabel(name, item["reason"], thumbnail(name)))
    return WrongLabels(len(items), shown)


def most_confused(pairs: Sequence[Mapping[str, Any]], read: ReadPhoto) -> list[ConfusedPair]:
    """Return the pairs of breeds that were most often confused, with photos."""
    thumbnail = Thumbnails(read, PAIRS_BYTES)
    return [
        ConfusedPair(
            pair["truth"],
            pair["said"],
            pair["count"],
            [thumbnail(name) for name in list(pair.get("photos", []))[:PHOTOS_A_PAIR]],
        )
        for pair in pairs[:PAIRS]
    ]


def _small_jpeg(image: Image.Image) -> bytes:
    """Return a small JPEG without metadata."""
    image.thumbnail((THUMBNAIL * 2, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()
