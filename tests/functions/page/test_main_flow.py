"""The page's main flow in a real browser: short, so that it is among the quick tests."""

from pathlib import Path

from tests.functions.page.acts import send, text
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import Api


def test_a_photo_is_sent_and_its_breed_shown(tab: Tab, api: Api, photo: Path) -> None:
    send(tab, photo)
    assert api.received == [("/v1/classify", "image/jpeg", "key-1", photo.read_bytes())]
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.complaints == []  # the policy refused nothing of the page's own
