"""The heat map: asked for when it is switched on, and laid over the photo."""

import base64
from pathlib import Path

import pytest
from PIL import Image

from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.acts import send, text, type_key
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api

pytestmark = pytest.mark.rivals


def heat_map(width: int = 128, height: int = 96) -> str:
    """Return a PNG, red in its left half, as the API writes it."""
    image = Image.new("RGBA", (width, height), (255, 64, 0, 0))
    image.paste((255, 64, 0, 200), (0, 0, width // 2, height))
    return base64.b64encode(encoded(image, "PNG")).decode()


EXPLAINED = {**ANSWER, "explain": {"breed": "Bull Mastiff", "heat_map": heat_map()}}
SWITCHED = "!at('heat').hidden && at('heat').complete"


def switch(tab: Tab) -> None:
    tab.page.get_by_role("switch", name="Show why").click()


@pytest.fixture
def white(tmp_path: Path) -> Path:
    file = tmp_path / "white.png"
    file.write_bytes(encoded(Image.new("RGB", (640, 480), "white"), "PNG"))
    return file


def colour_at(tab: Tab, across: float) -> tuple[int, ...]:
    screen = tab.screenshot()
    box = tab.run("at('preview').getBoundingClientRect().toJSON()")
    middle = box["y"] + tab.run("scrollY") + box["height"] / 2
    colour = screen.getpixel((int(box["x"] + box["width"] * across), int(middle)))
    assert isinstance(colour, tuple)
    return colour


def test_it_is_asked_for_on_request_only_and_can_be_switched(
    tab: Tab, api: Api, white: Path
) -> None:
    send(tab, white)
    api.answer = EXPLAINED
    assert tab.run("at('heat').hidden")
    before = colour_at(tab, 0.3)
    switch(tab)
    tab.wait(SWITCHED)
    assert [request.path for request in api.received] == ["/v1/classify", "/v1/classify?explain=1"]
    assert text(tab, "explain-say") == "Red: what spoke for Bull Mastiff."
    left, right = colour_at(tab, 0.3), colour_at(tab, 0.7)
    assert before == right == (255, 255, 255)
    assert left[0] == 255 and left[2] < 80
    switch(tab)
    assert tab.run("at('heat').hidden")
    switch(tab)
    assert tab.run("!at('heat').hidden")
    assert len(api.received) == 2  # it is kept
    assert tab.complaints == []


def test_it_lies_on_the_photo_whatever_its_form(tab: Tab, api: Api, tmp_path: Path) -> None:
    for size in ((1200, 300), (300, 900)):
        file = tmp_path / f"{size[0]}.jpg"
        file.write_bytes(encoded(gradient(*size), "JPEG"))
        small = (128, 32) if size[0] > size[1] else (43, 128)
        explain = {"breed": "Bull Mastiff", "heat_map": heat_map(*small)}
        api.answer = {**ANSWER, "explain": explain}
        send(tab, file)
        if tab.run("!explaining()"):
            switch(tab)
        tab.wait(SWITCHED)
        photo_box, heat_box = tab.run(
            "['preview', 'heat'].map((id) => at(id).getBoundingClientRect().toJSON())"
        )
        assert photo_box == pytest.approx(heat_box, abs=0.5)


def test_while_it_is_on_the_next_photo_needs_one_request(
    tab: Tab, api: Api, white: Path, photo: Path
) -> None:
    send(tab, white)
    api.answer = EXPLAINED
    switch(tab)
    tab.wait(SWITCHED)
    send(tab, photo)
    tab.wait(SWITCHED)
    assert [request.path for request in api.received[1:]] == ["/v1/classify?explain=1"] * 2


def test_a_model_without_heat_maps_says_so(tab: Tab, api: Api, white: Path) -> None:
    send(tab, white)
    switch(tab)
    tab.wait("at('explain-say').textContent.startsWith('This model cannot tell')")
    assert tab.run("at('heat').hidden")


@pytest.mark.parametrize("status", [429, 503, 0, 200])
def test_a_failure_leaves_the_answer_and_is_said_beside_the_switch(
    tab: Tab, api: Api, white: Path, status: int
) -> None:
    send(tab, white)
    api.status, api.answer = status, {"detail": "No.", "request_id": "id-7"} if status else {}
    switch(tab)
    tab.wait("!explaining()")
    said = text(tab, "explain-say")
    assert ("(Request id-7)" in said) is (status > 0)
    assert said
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.run("at('problem').hidden && !at('result').hidden")
    api.status, api.answer = 200, EXPLAINED
    switch(tab)
    tab.wait(SWITCHED)


def test_without_a_usable_key_nothing_is_asked(tab: Tab, api: Api, white: Path) -> None:
    send(tab, white)
    type_key(tab, "k\u0435y")
    switch(tab)
    tab.wait("!explaining()")
    assert text(tab, "explain-say").startswith("This is no API key.")
    assert len(api.received) == 1


def test_without_a_dog_there_is_nothing_to_explain(tab: Tab, api: Api, white: Path) -> None:
    api.answer = {**ANSWER, "is_dog": False, "dog": "no"}
    send(tab, white)
    assert tab.run("at('explain').hidden")
