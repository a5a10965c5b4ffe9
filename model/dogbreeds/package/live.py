"""Read the live model's package, with which a training compares its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogbreeds.package.archive import opened, unpacked
from dogbreeds.package.card import Card


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
        with opened(live) as packed:
            for member in packed:  # in the order of names, so that the card comes before weights
                if member.name == "card.json":
                    packed.extract(member, name, filter="data")
                    break
        Card.read(Path(name))


def _is_empty(live: Path) -> bool:
    return live.is_dir() and not any(live.iterdir())
