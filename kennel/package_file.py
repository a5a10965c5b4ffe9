"""Check, before a model package is uploaded, that it is a .tar.gz with all that serving needs."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.errors import KennelError
from kennel.paths import MODEL

#: Files that serving needs, and how many bytes of each are read here.
_SMALL_FILE = 20_000_000
_FILES = {
    "breeds.json": _SMALL_FILE,
    "card.json": _SMALL_FILE,
    "smoke.jpg": _SMALL_FILE,
    "network.xml": 0,
    "network.bin": 0,
}
MAX_BYTES = 5_000_000_000  # of the package: S3 copies no larger object in one request
_MAX_MEMBERS = 10_000
_MAX_UNPACKED = 20_000_000_000  # bytes of all files
_JPEG = b"\xff\xd8\xff"
_ENGINE = "openvino"  # runs the network; it reads what older versions of it have written
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class PackageFile:
    """A package that can be released.

    Attributes
    ----------
    label
        Name and version of the model, as the API's answers have them.
    digest
        The first 20 hex digits of the file's SHA-256.
    """

    path: Path
    label: str
    breeds: int
    digest: str

    @property
    def key(self) -> str:
        """Its key in a stack's bucket: endpoints load from `packages/` only."""
        return f"packages/{self.digest}/model.tar.gz"


class _NoPackage(Exception):  # noqa: N818
    """A file is no model package; the message is the reason, as part of a sentence."""


def read_package(
    path: Path, requirements: Path = MODEL / "requirements-serving.txt"
) -> PackageFile:
    """Check a package, and return its label, its number of breeds and its digest.

    Parameters
    ----------
    requirements
        What the serving image installs.

    Raises
    ------
    KennelError
        If it is no package, lacks a file, or was made with a newer framework than serves it.
    """
    try:
        files = _read_files(path)
        card, breeds = _json(files, "card.json"), _json(files, "breeds.json")
        names = [str(entry["breed"]) for entry in breeds]
        label, made = f"{card['name']}@{card['version']}", str(card["made_with"][_ENGINE])
        if card["smoke_breed"] not in names:
            raise _NoPackage(f"breeds.json lacks {card['smoke_breed']!r}, the smoke photo's breed")
    except _NoPackage as reason:
        raise KennelError(
            f"{path} is not a model package ({reason}): expected the model.tar.gz that "
            "`kennel train` writes"
        ) from reason
    except (LookupError, TypeError) as error:
        raise KennelError(
            f"{path} is not a model package (its card.json or breeds.json lacks {error}): expected "
            "the model.tar.gz that `kennel train` writes"
        ) from error
    served = re.findall(rf"^{_ENGINE}==(\S+)", requirements.read_text(), re.MULTILINE)[0]
    if _year_and_release(made) > _year_and_release(served):
        raise KennelError(
            f"{path} was made with {_ENGINE} {made}, and this checkout serves models with "
            f"{served}, which may not read it: train it with this checkout, or update the checkout"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:20]
    return PackageFile(path, label, len(names), digest)


def _read_files(path: Path) -> dict[str, bytes]:
    """Read the small files, and check that all are there; nothing is unpacked."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise _NoPackage(f"{size:,} bytes, at most {MAX_BYTES:,} are released")
        with tarfile.open(path, "r|gz") as archive:
            files = dict(_contents(archive))
    except OSError as error:
        raise _NoPackage(error.strerror or "not a .tar.gz") from error
    except (tarfile.TarError, EOFError) as error:
        raise _NoPackage("not a .tar.gz, or cut short") from error
    if missing := sorted(set(_FILES) - set(files)):
        raise _NoPackage(f"it lacks {', '.join(missing)}")
    if not files["smoke.jpg"].startswith(_JPEG):
        raise _NoPackage("its smoke.jpg is no JPEG")
    return files


def _contents(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    total = 0
    for number, member in enumerate(archive):
        total += member.size
        if number >= _MAX_MEMBERS or total > _MAX_UNPACKED:
            raise _NoPackage(
                f"more than {_MAX_MEMBERS:,} files, or more than {_MAX_UNPACKED:,} bytes in them"
            )
        name = member.name.removeprefix("./")
        if name.startswith("/") or ".." in Path(name).parts:
            raise _NoPackage(f"its file {member.name!r} would be unpacked elsewhere")
        if name in _FILES and member.isfile():
            content = archive.extractfile(member)
            yield name, content.read(_FILES[name]) if content else b""


def _json(files: dict[str, bytes], name: str) -> Any:
    try:
        return json.loads(files[name])
    except ValueError as error:
        raise _NoPackage(f"its {name} is not JSON") from error


def _year_and_release(version: str) -> tuple[int, int]:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)
