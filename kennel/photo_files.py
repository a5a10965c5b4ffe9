"""Find photos by their bytes, whatever their names, and account for every other file.

`kennel/photo_files.py` and `model/dogbreeds/photos/photo_files.py` are copies of each other
(tests/test_contract.py compares them), since neither side may import the other.
"""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: First bytes of the media types that are taken, beside WebP.
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
#: (offset, bytes, name) of other formats that cameras and phones write.
_OTHER_FORMATS = (
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypm", "HEIC"),
    (4, b"ftypavi", "AVIF"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
)
_HEAD = 16  # bytes that tell the formats apart
_EXAMPLES = 5  # files that the error about a folder without a photo names
_LINES = 40  # up to so many files left out have a line each; more are counted by their reason
_FIRST = 3  # of them, by name
#: What operating systems leave in folders, besides names with a dot in front.
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"}


class NoPhotosError(ValueError):
    """There is nothing to classify; the message is one sentence for the person who named it."""


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not classified."""

    path: Path
    reason: str


def find_photos(
    paths: Iterable[Path], leave_out: Callable[[LeftOut], object] = lambda _: None
) -> list[Path]:
    """Return the files among `paths` and the photos anywhere in its folders, sorted in each.

    A file that is named itself is returned whatever it holds, because the answer says what is
    wrong with it. So is a file that cannot be read, for whoever reads it next to report.

    Parameters
    ----------
    leave_out
        Called for everything in a folder that is not returned, links and hidden files included.

    Raises
    ------
    NoPhotosError
        For a path that does not exist, or if there is no photo at all.
    """
    photos: list[Path] = []
    left_out: list[LeftOut] = []
    without: list[Path] = []
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name too long
            raise NoPhotosError(
                f"{printable(path)} does not exist: name a photo or a folder of photos"
            )
        if not path.is_dir():
            photos.append(path)
            continue
        before = len(photos)
        _search(path, photos, left_out)
        if len(photos) == before:
            without.append(path)
    if not photos:
        seen = [f"{printable(each.path)}: {each.reason}" for each in left_out[:_EXAMPLES]]
        more = ["..."] if len(left_out) > _EXAMPLES else []
        raise NoPhotosError(
            f"{', '.join(map(printable, without))} holds no photo: expected JPEG, PNG or WebP, "
            f"whatever their names (left out: {'; '.join(seen + more) or 'nothing'})"
        )
    for each in [*left_out, *(LeftOut(path, "a folder without a photo") for path in without)]:
        leave_out(each)
    return photos


def media_type(photo: bytes) -> str:
    """Return the media type of bytes that begin like an accepted photo, else ""."""
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if photo.startswith(magic)), "")


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a line for each file, or, if they are many, for each reason with its first files."""
    if len(left_out) <= _LINES:
        return [f"left out: {printable(each.path)} ({each.reason})" for each in left_out]
    by_reason: dict[str, list[str]] = {}
    for each in left_out:
        by_reason.setdefault(each.reason, []).append(printable(each.path))
    lines = [
        f"left out: {len(paths)} ({reason}): {', '.join(paths[:_FIRST])}"
        f"{', ...' if len(paths) > _FIRST else ''}"
        for reason, paths in by_reason.items()
    ]
    return [*lines, f"left out: {len(left_out)} in all; --json names each"]


def printable(text: object) -> str:
    """Return a text on one line: line ends, control characters and broken bytes as escapes."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text)
    )


def _search(folder: Path, photos: list[Path], left_out: list[LeftOut]) -> None:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        photos.append(folder)  # reading it will fail in the same way
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
            left_out.append(LeftOut(entry, "hidden, or the operating system's"))
            continue
        try:
            mode = entry.stat().st_mode
            if stat.S_ISDIR(mode) and not entry.is_symlink():
                _search(entry, photos, left_out)
                continue
            reason = _why_no_photo(entry, mode)
        except OSError:
            reason = ""
        if reason:
            left_out.append(LeftOut(entry, reason))
        else:
            photos.append(entry)


def _why_no_photo(file: Path, mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a link to a folder"  # which could lead back here
    if not stat.S_ISREG(mode):
        return "no regular file"
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head:
        return "empty"
    if media_type(head):
        return ""
    for offset, magic, name in _OTHER_FORMATS:
        if head.startswith(magic, offset):
            return f"{name}, and JPEG, PNG and WebP are taken"
    return "no photo"
