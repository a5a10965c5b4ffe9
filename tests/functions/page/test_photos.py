"""Several photos: a request each, a few at a time, and the last ten are remembered."""

import threading
from pathlib import Path

import pytest

from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.acts import briefs, send, text, type_key
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api

pytestmark = pytest.mark.rivals

DONE = "photos.length && !photos.some(isBusy)"


@pytest.fixture
def walk(tmp_path: Path) -> list[Path]:
    """Twelve photos, all different."""
    files = [tmp_path / f"{number}.jpg" for number in range(12)]
    for number, file in enumerate(files):
        file.write_bytes(encoded(gradient(64 + number, 48), "JPEG"))
    return files


def choose(tab: Tab, *files: Path) -> None:
    type_key(tab, "key-1")
    tab.choose("#file", *files)
    tab.wait(DONE)


def test_each_photo_has_a_request_and_an_answer_or_a_problem_of_its_own(
    tab: Tab, api: Api, walk: list[Path], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.jpg"
    letter.write_bytes(b"This is a letter.")
    api.first = [
        (200, ANSWER),
        (400, {"detail": "The file is truncated.", "request_id": "id-1"}),
        (200, {**ANSWER, "is_dog": False}),
    ]
    first = threading.Event()
    for file in walk[1:3]:  # one after the other, so that each gets its own answer
        api.held[file.read_bytes()] = first
    type_key(tab, "key-1")
    tab.choose("#file", *walk[:1])
    tab.wait(DONE)
    first.set()
    for file in walk[1:3]:
        choose(tab, file)
    choose(tab, letter, walk[3])
    assert [request.body for request in api.received] == [file.read_bytes() for file in walk[:4]]
    assert briefs(tab) == [
        "This file cannot be read",
        "Bull Mastiff, 90 %",
        "No dog",
        "This file cannot be read",
        "Bull Mastiff, 90 %",
    ]
    tab.page.get_by_role("button", name="1.jpg").click()
    assert text(tab, "problem-say") == "The file is truncated."
    assert text(tab, "problem-id") == "id-1"
    assert text(tab, "name").startswith("1.jpg (")
    tab.page.get_by_role("button", name="0.jpg").click()
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.run("document.querySelectorAll('[aria-current]').length") == 1
    assert tab.complaints == [each for each in tab.complaints if "400" in each]


def test_few_are_in_flight_and_all_are_answered(tab: Tab, api: Api, walk: list[Path]) -> None:
    api.seconds = 0.1
    choose(tab, *walk)
    assert {request.body for request in api.received} == {file.read_bytes() for file in walk}
    assert len(api.received) == len(walk)
    assert api.most_at_once == 3
    assert briefs(tab) == ["Bull Mastiff, 90 %"] * len(walk)
    assert "12 of 12 photos answered" in text(tab, "spoken")


def test_a_short_wait_is_made_by_the_page_if_there_are_several(
    tab: Tab, api: Api, walk: list[Path]
) -> None:
    api.headers = {"Retry-After": "1"}
    api.first = [(429, {}), (503, {})]
    choose(tab, *walk[:3])
    assert briefs(tab) == ["Bull Mastiff, 90 %"] * 3
    assert len(api.received) == 5


def test_a_long_wait_is_shown_and_one_button_sends_all_again(
    tab: Tab, api: Api, walk: list[Path]
) -> None:
    api.status, api.headers = 429, {"Retry-After": "3600"}
    choose(tab, *walk[:4])
    assert briefs(tab) == ["A limit of your key is reached"] * 4
    assert text(tab, "again") == "Try again in 60 min"
    assert text(tab, "send") == "Name the breed in 4 photos"
    api.status = 200
    tab.run("at('send').click()")
    tab.wait(DONE)
    assert briefs(tab) == ["Bull Mastiff, 90 %"] * 4


def test_a_wrong_key_is_corrected_once_for_all(tab: Tab, api: Api, walk: list[Path]) -> None:
    api.status = 403
    choose(tab, *walk[:3])
    assert briefs(tab) == ["The API key is not accepted"] * 3
    assert tab.run("document.activeElement.id") == "key"
    api.status = 200
    type_key(tab, "key-2")
    tab.press("Enter")
    tab.wait(DONE)
    assert briefs(tab) == ["Bull Mastiff, 90 %"] * 3


def test_a_key_that_is_none_is_said_once_for_all(tab: Tab, api: Api, walk: list[Path]) -> None:
    type_key(tab, "k\u0435y")
    tab.run("at('reveal').focus(), refusals = 0")
    tab.run("at('key').addEventListener('focus', () => { refusals += 1; })")
    tab.choose("#file", *walk)
    tab.wait(DONE)
    assert text(tab, "problem-headline") == "This is no API key"
    assert tab.run("refusals") == 1
    assert briefs(tab) == ["Ready when you are."] * len(walk)
    assert api.received == []


def test_the_last_ten_are_remembered_and_nothing_is_stored(
    tab: Tab, api: Api, walk: list[Path]
) -> None:
    for file in walk:
        send(tab, file)
        tab.wait(DONE)
    names = tab.run("[...document.querySelectorAll('.shot-name')].map((each) => each.textContent)")
    assert names == [f"{number}.jpg" for number in range(11, 1, -1)]
    assert tab.run("document.querySelectorAll('canvas.thumb').length") == 10
    stored = "localStorage.length + document.cookie.length"
    assert (tab.run("sessionStorage.length"), tab.run(stored)) == (1, 0)  # the key
    tab.open(api.url)
    assert briefs(tab) == []


def test_more_than_fifty_at_once_are_said_to_be_too_many(
    tab: Tab, api: Api, tmp_path: Path
) -> None:
    body = encoded(gradient(8, 8), "JPEG")
    files = [tmp_path / f"{number}.jpg" for number in range(60)]
    for file in files:
        file.write_bytes(body)
    choose(tab, *files)
    assert len(api.received) == 50
    assert text(tab, "photos-more") == "Of the 60 chosen, the first 50 were taken."
