"""Unpack model packages, `model.tar.gz`, without PyTorch."""

import errno
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.package.card import Card, PackageError

PACKAGE = "model.tar.gz"


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder of an unpacked package, unpacked temporarily if `path` is an archive.

    Parameters
    ----------
    path : Path
        A .tar.gz, a folder that holds `model.tar.gz` (SageMaker's channel), or an unpacked package.

    Raises
    ------
    PackageError
        `path` is not a package.
    """
    if path.is_dir() and (path / "card.json").is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kennel-package-") as name:
        with _opened(path) as packed:
            packed.extractall(name, filter="data")
        yield Path(name)


@contextmanager
def unpacked_live(live: Path | None) -> Iterator[Path | None]:
    """Yield the folder of the live package; None for no path, or for an empty folder.

    Before the first release SageMaker's channel is missing or empty. A folder that this has yielded
    may be given again, and is not unpacked again.

    Raises
    ------
    PackageError
        `live` is not a package.
    """
    if live is None or _is_empty(live):
        yield None
        return
    with unpacked(live) as package:
        Card.read(package)
        yield package


def check_live(live: Path | None) -> None:
    """Refuse what `unpacked_live` would refuse, from no more than the package's card.

    Raises
    ------
    PackageError
        `live` is not a package.
    """
    if live is None or _is_empty(live):
        return
    if live.is_dir() and (live / "card.json").is_file():
        Card.read(live)
        return
    with tempfile.TemporaryDirectory(prefix="kennel-package-") as name:
        with _opened(live) as packed:
            for member in packed:  # in the order of names, so that the card comes before weights
                if member.name == "card.json":
                    packed.extract(member, name, filter="data")
                    break
        Card.read(Path(name))


def _is_empty(live: Path) -> bool:
    return live.is_dir() and not any(live.iterdir())


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    archive = path / PACKAGE if path.is_dir() else path
    try:
        with tarfile.open(archive) as packed:
            yield packed
    except FileNotFoundError as error:
        message = f"There is no {archive}; name the {PACKAGE} of a training."
        raise PackageError(message) from error
    except (OSError, tarfile.TarError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile appends a list of formats
        raise PackageError(
            f"{archive} is not a model package ({reason}); name the {PACKAGE} of a training."
        ) from error
