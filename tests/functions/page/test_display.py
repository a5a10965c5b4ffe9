"""What the page shows: states, words, and how they look on screens of all kinds."""

from pathlib import Path

import pytest
from PIL import ImageChops

from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.acts import problem, send, text
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api

pytestmark = pytest.mark.rivals

LONG_NAME = "IMG_20260814_142233_of_our_dog_at_the_lake_with_a_stick_and_a_friend.jpg"


def test_no_dog_is_said_so(tab: Tab, api: Api, photo: Path) -> None:
    api.answer = {**ANSWER, "is_dog": False}
    send(tab, photo)
    assert text(tab, "result-headline") == "No dog here"


@pytest.mark.parametrize(
    ("count", "heading"),
    [
        (1, "The likeliest"),
        (2, "The two likeliest"),
        (3, "The three likeliest"),
        (5, "The five likeliest"),
        (6, "The 6 likeliest"),
    ],
)
def test_the_heading_counts_the_breeds(
    tab: Tab, api: Api, photo: Path, count: int, heading: str
) -> None:
    breeds = [{"breed": f"Breed {number}", "probability": 0.1} for number in range(count)]
    api.answer = {**ANSWER, "breeds": breeds}
    send(tab, photo)
    assert text(tab, "bars-name") == heading
    assert tab.run("at('bars').children.length") == count


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (400, "This file cannot be read"),
        (403, "The API key is not accepted"),
        (404, "The API refused this request"),
        (413, "The photo is too large"),
        (415, "This kind of file is not taken"),
        (429, "A limit of your key is reached"),
        (500, "Something broke on the other side"),
        (503, "The classifier is busy or not up yet"),
        (504, "The classifier took too long"),
    ],
)
def test_each_status_has_its_words(
    tab: Tab, api: Api, photo: Path, status: int, headline: str
) -> None:
    api.status, api.answer = status, {"detail": "<b>One</b> sentence."}
    send(tab, photo)
    shown, sentence = problem(tab)
    assert shown == headline
    if status != 403:  # there the page knows better than the gateway
        assert sentence == "<b>One</b> sentence."
    assert tab.run("at('key').getAttribute('aria-invalid')") == ("true" if status == 403 else None)


@pytest.mark.parametrize("body", [b"<html>", None, "text", ["list"], {"detail": {"b": 1}}])
def test_a_refusal_without_a_sentence_gets_the_pages(
    tab: Tab, api: Api, photo: Path, body: object
) -> None:
    api.status, api.answer = 503, body
    send(tab, photo)
    assert problem(tab)[1] == "Wait a moment and send the photo again."


def test_markup_in_an_answer_is_text(tab: Tab, api: Api, tmp_path: Path) -> None:
    markup = "<img src=x onerror=alert(1)>"
    api.answer = {**ANSWER, "model": markup, "breeds": [{"breed": markup, "probability": 0.9}]}
    file = tmp_path / "<b>dog.jpg"
    file.write_bytes(encoded(gradient(64, 48), "JPEG"))
    send(tab, file)
    assert text(tab, "result-headline") == markup
    assert text(tab, "name").startswith("<b>dog.jpg (")
    assert tab.run("document.querySelectorAll('b, main img:not(#preview, #heat)').length") == 0
    assert tab.complaints == []


def test_retry_after_is_counted_down(tab: Tab, api: Api, photo: Path) -> None:
    api.status, api.headers = 503, {"Retry-After": "2"}
    send(tab, photo)
    assert text(tab, "again") == "Try again in 2 s"
    assert tab.run("at('again').disabled") is True
    tab.wait("!at('again').disabled")
    api.status = 200
    tab.run("at('again').click()")
    tab.wait("!at('result').hidden")
    assert len(api.received) == 2


@pytest.mark.parametrize(
    ("retry_after", "button"),
    [
        ("1", "Try again in 1 s"),
        ("120", "Try again in 120 s"),
        ("3600", "Try again in 60 min"),
        ("86400", "Try again in 24 h"),
        ("Mon, 01 Jan 2001 00:00:00 GMT", "Try again"),  # a date, and it is over
        ("soon", "Try again in 2 s"),
    ],
)
def test_a_used_up_quota_has_the_apis_sentence_and_its_wait(
    tab: Tab, api: Api, photo: Path, retry_after: str, button: str
) -> None:
    sentence = "The quota of this API key is used up until midnight UTC."
    api.status, api.answer = 429, {"detail": sentence}
    api.headers = {"Retry-After": retry_after}
    send(tab, photo)
    assert problem(tab)[1] == sentence
    assert text(tab, "again") == button


# ---------------------------------------------------------------- looks


def ring_pixels(tab: Tab) -> int:
    """Count the pixels that the focus of the focused element changes."""
    focused = tab.screenshot()
    tab.run("document.activeElement.blur()")
    difference = ImageChops.difference(focused, tab.screenshot()).convert("L")
    return sum(difference.point(lambda value: value > 40, "1").histogram()[1:])


@pytest.mark.parametrize(
    ("touch", "forced_colors", "with_photo"),
    [(False, False, False), (False, False, True), (False, True, True), (True, True, False)],
)
def test_the_keyboards_focus_shows_everywhere(
    tab: Tab, api: Api, photo: Path, *, touch: bool, forced_colors: bool, with_photo: bool
) -> None:
    tab.look(touch=touch, forced_colors=forced_colors)
    if with_photo:
        send(tab, photo)
        tab.wait("document.getAnimations().length === 0")
    tab.run("document.body.tabIndex = -1, document.body.focus()")
    stops = []
    for _ in range(20):
        tab.press("Tab")
        stop = tab.run("document.activeElement.id || document.activeElement.localName")
        if stop == "body":
            break
        stops.append((stop, ring_pixels(tab)))
    controls = {name for name, _ in stops}
    assert {"a", "file", "key", "reveal", "summary"} <= controls
    assert ("camera" in controls) is touch
    assert [stop for stop in stops if stop[1] < 200] == []  # 3 pixels around the smallest


@pytest.mark.parametrize("touch", [False, True])
def test_a_photo_is_taken_only_where_fingers_point(tab: Tab, api: Api, touch: bool) -> None:
    tab.look(touch=touch)
    assert tab.run("at('camera').checkVisibility({checkVisibilityCSS: true})") is touch


@pytest.mark.parametrize("dark", [False, True])
def test_forced_colours_keep_the_bars(tab: Tab, api: Api, photo: Path, dark: bool) -> None:
    tab.look(dark=dark, forced_colors=True)
    probabilities = (0.6, 0.25)
    api.answer = {
        **ANSWER,
        "breeds": [{"breed": f"{share}", "probability": share} for share in probabilities],
    }
    send(tab, photo)
    tab.wait("document.getAnimations().length === 0")
    screen = tab.screenshot()
    for row, share in enumerate(probabilities):
        box = tab.run(
            f"(({{x, y, width, height}}) => ({{x, y: y + scrollY, width, height}}))"
            f"(document.querySelectorAll('.track')[{row}].getBoundingClientRect())"
        )
        middle = int(box["y"] + box["height"] / 2)
        colours = [
            screen.getpixel((int(box["x"] + box["width"] * at), middle))
            for at in (share - 0.1, share + 0.1)
        ]
        assert colours[0] != colours[1], f"the bar of {share} does not show"


@pytest.mark.parametrize("width", [320, 360, 768])
@pytest.mark.parametrize("size", [(1200, 300), (640, 480), (300, 900)])
def test_a_narrow_screen_shows_all_of_it(
    tab: Tab, api: Api, tmp_path: Path, width: int, size: tuple[int, int]
) -> None:
    tab.look(width=width, height=740, dark=True, touch=True)
    file = tmp_path / LONG_NAME
    file.write_bytes(encoded(gradient(*size), "JPEG"))
    api.answer = {
        **ANSWER,
        "breeds": [{"breed": "Nova-Scotia-Duck-Tolling-Retriever", "probability": 0.5}] * 3,
    }
    send(tab, file)
    assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.run("at('drop').clientHeight - at('preview').offsetHeight") == 0  # no blank band
    assert LONG_NAME in text(tab, "name")
    cut_short = (
        "[...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && "
        "e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden' "
        "&& e.id !== 'spoken').map((e) => e.id || e.className)"
    )
    assert tab.run(cut_short) == []


def test_the_control_for_photos_has_the_name_that_is_seen(tab: Tab, api: Api, photo: Path) -> None:
    assert tab.accessible_name("#file").startswith("Drop photos here, or choose some")
    send(tab, photo)
    assert tab.accessible_name("#file") == "Other photos"
    assert tab.run("at('another').checkVisibility()")
