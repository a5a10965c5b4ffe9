"""Why stored state cannot be used, or a change cannot be stored: each in one sentence."""

from pathlib import Path

from kennel.cloud.runtime.errors import ServiceError
from kennel.errors import CannotStart

#: Number of the form in which state is stored; another one is refused. Version 1 had no number.
FORMAT = 2


class NotStored(ServiceError):  # noqa: N818 - it reads as what happened
    """A change cannot be stored: the disk is full or the file cannot be written."""

    def __init__(self, file: Path | None, reason: str) -> None:
        folder = file.parent if file else "memory"
        message = f"the change cannot be kept in {folder} ({reason}): make room, and try again"
        super().__init__("ServiceUnavailable", message, 503)


def damaged(file: Path | None, reason: str, folder: Path | None = None) -> CannotStart:
    """Return the error for state that cannot be read; the folder is by default the file's."""
    folder = folder or (file.parent if file else None)
    return CannotStart(
        f"{file} is damaged ({' '.join(reason.split())}): put the folder {folder} back from a "
        "copy, or delete it with `kennel up --fresh`"
    )


def missing(file: Path, folder: Path) -> CannotStart:
    """Return the error for a file of the state that is gone."""
    return CannotStart(
        f"{file} is missing: put it back from a copy, or delete all of {folder} with "
        "`kennel up --fresh`"
    )


def other_format(file: Path, version: object, expected: object = FORMAT) -> CannotStart:
    """Return the error for state that another version of Kennel has written."""
    return CannotStart(
        f"{file} was written by another version of Kennel (format {version}, this one reads "
        f"{expected}): start that version, or delete {file.parent} with `kennel up --fresh`"
    )
