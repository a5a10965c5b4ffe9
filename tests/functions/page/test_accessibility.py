"""Every state of the page on every screen: axe, zoom, 320 pixels, forced colours; the keyboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.functions.classify.photos import encoded
from tests.functions.page.acts import ANSWERED, send, text, type_key
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api
from tests.functions.page.test_heat_map import EXPLAINED, SWITCHED, switch

pytestmark = pytest.mark.rivals

LIKELY = ["Bull Mastiff", "Nova-Scotia-Duck-Tolling-Retriever"]
SETS = {**ANSWER, "dog": "perhaps", "likely": LIKELY}


def empty(tab: Tab, api: Api, photo: Path) -> None:
    """Nothing is chosen yet."""


def answered(tab: Tab, api: Api, photo: Path) -> None:
    send(tab, photo)


def perhaps(tab: Tab, api: Api, photo: Path) -> None:
    api.answer = SETS
    send(tab, photo)


def overlay(tab: Tab, api: Api, photo: Path) -> None:
    api.answer = EXPLAINED
    send(tab, photo)
    switch(tab)
    tab.wait(SWITCHED)


def refused(tab: Tab, api: Api, photo: Path) -> None:
    api.status = 503
    api.answer = {"detail": "The endpoint is starting.", "request_id": "0b1c-" * 8}
    send(tab, photo)


def several(tab: Tab, api: Api, photo: Path) -> None:
    api.first = [(400, {"detail": "Broken."}), (200, {**ANSWER, "is_dog": False}), (200, SETS)]
    others = [photo.with_name(f"{name}_of_our_dog_at_the_lake.jpg") for name in ("a", "b", "c")]
    for number, other in enumerate(others):
        other.write_bytes(encoded(Image.new("RGB", (400, 300 + number), "teal"), "JPEG"))
    type_key(tab, "key-1")
    tab.choose("#file", photo, *others)
    tab.wait("photos.length > 3 && !photos.some(isBusy)")


STATES: list[Callable[[Tab, Api, Path], None]] = [
    empty,
    answered,
    perhaps,
    overlay,
    refused,
    several,
]
SCREENS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"dark": True},
    "forced colours": {"forced_colors": True},
    "320": {"width": 320, "height": 740, "touch": True},
    "320 dark": {"width": 320, "height": 740, "touch": True, "dark": True},
    "zoom 200": {"zoom": 2},
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "dog.jpg"
    file.write_bytes(encoded(Image.new("RGB", (640, 480), "#bcd"), "JPEG"))
    return file


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_and_nothing_is_cut_short(
    tab: Tab, api: Api, photo: Path, state: Callable[[Tab, Api, Path], None], screen: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab.look(**SCREENS[screen])
    state(tab, api, photo)
    tab.wait("document.getAnimations().length === 0")
    tab.screenshot(f"{state.__name__} {screen}".replace(" ", "-"))
    report = axe.run(tab.page)
    assert report.violations_count == 0, report.generate_report()
    assert tab.run("document.documentElement.scrollWidth - innerWidth") <= 0
    cut_short = (
        "[...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && "
        "e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden' "
        "&& e.id !== 'spoken').map((e) => e.id || e.className)"
    )
    assert tab.run(cut_short) == []
    beyond_its_card = """[...document.querySelectorAll(".card")].flatMap((card) => {
        const padding = parseFloat(getComputedStyle(card).paddingRight);
        const end = card.getBoundingClientRect().right - padding;
        return [...card.querySelectorAll("*")].filter((e) => e.checkVisibility()
            && e.getBoundingClientRect().right > end + 1).map((e) => e.id || e.className);
    })"""
    assert tab.run(beyond_its_card) == []


def tab_to(tab: Tab, role: str, name: str) -> None:
    """Press Tab until the focus is on the control."""
    wanted = tab.page.get_by_role(role, name=name)
    for _ in range(25):
        tab.press("Tab")
        if wanted.evaluate("(each) => each === document.activeElement"):
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


def test_the_keyboard_alone_is_enough(tab: Tab, api: Api, photo: Path) -> None:
    api.answer = EXPLAINED
    tab_to(tab, "button", "Drop photos here, or choose some")
    with tab.page.expect_file_chooser() as chooser:
        tab.press("Enter")
    chooser.value.set_files([photo])
    tab.wait("photos.length && photos[0].state === 'ready'")
    tab_to(tab, "textbox", "API key")
    tab.page.keyboard.type("key-1")
    tab.press("Enter")
    tab.wait(ANSWERED)
    assert tab.run("document.activeElement.id") == "result-headline"
    tab.page.keyboard.press("Shift+Tab")
    tab.run("document.body.tabIndex = -1, document.body.focus()")
    tab_to(tab, "switch", "Show why")
    tab.press("Space")
    tab.wait(SWITCHED)
    tab.press("Space")
    assert tab.run("at('heat').hidden")
    several(tab, api, photo)
    tab_to(tab, "button", "No dog")
    tab.press("Enter")
    assert text(tab, "result-headline") == "No dog here"
    assert tab.run("at('history').contains(document.activeElement)")
    assert tab.complaints == [each for each in tab.complaints if "400" in each]
