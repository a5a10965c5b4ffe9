"""A disk without room, for tests with the fixture `small_disk`."""

from pathlib import Path

import pytest


def fill(disk: Path) -> Path:
    """Fill a small disk; return the file that does."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2**26))
    return filler
