"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos beside a checkout; a test that needs it is skipped without."""
    folder = Path(os.environ.get("KENNEL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}: set KENNEL_SHARED_DATA to where they are")
    return folder
