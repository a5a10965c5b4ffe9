"""The page in a real browser, its policy in force: Chromium, an empty profile, a tiny server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.browser import Tab, browser
from tests.functions.page.fake_api import Api, serving


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as one:
        yield one


@pytest.fixture
def api(tab: Tab) -> Iterator[Api]:
    """A new server, whose page is open on a desktop."""
    with serving() as one:
        tab.look()
        tab.complaints.clear()
        tab.open(one.url)
        yield one


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "dog.png"  # a JPEG by its bytes: the page must look, as the API does
    file.write_bytes(encoded(gradient(64, 48), "JPEG"))
    return file
