"""Thumbnails of the photos that the report shows, without metadata and within a size limit.

It shows photos of the breeds most often confused, and those that the audit's notes are about.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from PIL import Image

from dogbreeds.data.audit_rules import WRONG_LABEL
from dogbreeds.photos.decode import PhotoError

PAIRS = 12  # most confused pairs that are shown
PHOTOS_A_PAIR = 4
THUMBNAIL = 150  # pixels of the shorter side
PAIRS_BYTES = 900_000  # of all photos of these pairs; base64 adds a third
NOTE_PHOTOS = 24  # of each of the audit's notes; audit.json lists all of them
NOTE_BYTES = 300_000  # of all of these
# Notes on the names of files; all others are on what photos look like.
_NOT_OF_LOOKS = {"imagenet-photos", "split-by-content", "not-photos"}

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
class NotedPhoto:
    """A photo, or several that belong together, with what the audit says of it."""

    names: str
    reason: str
    thumbnail: Thumbnail


@dataclass(frozen=True)
class Note:
    """A finding of the audit that a person should look at, the first photos with thumbnails."""

    kind: str
    sentence: str
    total: int
    shown: list[NotedPhoto]


class Thumbnails:
    """Makes thumbnails until their bytes reach a limit."""

    def __init__(self, read: ReadPhoto, limit: int) -> None:
        self._read, self._bytes_left = read, limit

    def __call__(self, name: str) -> Thumbnail:
        """Return the thumbnail of the photo `name`."""
        try:
            jpeg = _small_jpeg(self._read(name))
        except (OSError, PhotoError, KeyError) as error:  # or of no photo of this name
            return Thumbnail(name, "", f"cannot be shown ({error})")
        if len(jpeg) > self._bytes_left:
            return Thumbnail(name, "", "left out to keep this page small")
        self._bytes_left -= len(jpeg)
        encoded = base64.b64encode(jpeg).decode()
        return Thumbnail(name, f"data:image/jpeg;base64,{encoded}", "")


def notes(findings: Sequence[Mapping[str, Any]], read: ReadPhoto) -> list[Note]:
    """Return the audit's notes on what photos look like, in the order in which they stand there.

    Wrong labels may be none, which is shown too; the least plausible come first.
    """
    listed = []
    for finding in findings:
        items = list(finding.get("items", []))
        stops = finding.get("flag") or finding.get("stops") or finding.get("accepted")
        is_empty = not items and finding["kind"] != WRONG_LABEL
        if stops or is_empty or finding["kind"] in _NOT_OF_LOOKS:
            continue
        thumbnail = Thumbnails(read, NOTE_BYTES)
        shown = [
            NotedPhoto(", ".join(item["files"]), item["reason"], thumbnail(item["files"][0]))
            for item in items[:NOTE_PHOTOS]
        ]
        listed.append(Note(finding["kind"], finding["sentence"], len(items), shown))
    return listed


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
