"""The page's requests, its key, and its controls."""

import threading
from pathlib import Path

import pytest
from PIL import Image

from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.acts import ANSWERED, briefs, problem, send, text, type_key
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api

pytestmark = pytest.mark.rivals

PNG = encoded(gradient(8, 8), "PNG")


def give(
    tab: Tab, event: str, names: tuple[str, ...] = (), words: str = "", target: str = "body"
) -> None:
    """Drop or paste photos of these names, and words, onto an element."""
    kind = {"drop": "DragEvent", "paste": "ClipboardEvent"}[event]
    tab.run(f"""{{
        const bytes = new Uint8Array({list(PNG)});
        const data = new DataTransfer();
        for (const name of {list(names)}) data.items.add(new File([bytes], name));
        if ("{words}") data.setData("text/plain", "{words}");
        const init = {{ bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data }};
        document.querySelector("{target}").dispatchEvent(new {kind}("{event}", init));
    }}""")


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_photos_may_be_dropped_or_pasted(tab: Tab, api: Api, event: str) -> None:
    type_key(tab, "key-1")
    give(tab, event, ("dog.png", "cat.png"))
    tab.wait("photos.every(({ state }) => state === 'answered') && photos.length === 2")
    assert [request.body for request in api.received] == [PNG, PNG]
    assert text(tab, "name") == "dog.png (1 kB)"


def test_a_drop_without_a_file_is_explained(tab: Tab, api: Api) -> None:
    give(tab, "drop", words="https://example.com/dog.jpg")
    assert problem(tab)[0] == "No file was dropped"


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_words_for_the_key_are_no_photo(tab: Tab, api: Api, event: str) -> None:
    # Spreadsheets copy a cell as words and as a picture of it.
    give(tab, event, ("cell.png",), words="key-1", target="#key")
    assert tab.run("photos.length === 0 && !at('idle').hidden")


# ---------------------------------------------------------------- one after the other


@pytest.mark.parametrize("status", [200, 429])
def test_the_newer_photo_is_shown_whatever_comes_for_the_older(
    tab: Tab, api: Api, tmp_path: Path, status: int
) -> None:
    slow, quick = tmp_path / "slow.jpg", tmp_path / "quick.jpg"
    slow.write_bytes(encoded(gradient(64, 48), "JPEG"))
    quick.write_bytes(encoded(gradient(48, 64), "JPEG"))
    gate = api.held[slow.read_bytes()] = threading.Event()
    type_key(tab, "key-1")
    tab.choose("#file", slow)
    while not api.received:
        tab.run("1")
    api.first = [(200, {**ANSWER, "model": "quick"})]
    tab.choose("#file", quick)
    tab.wait(ANSWERED)
    api.first = [(status, {**ANSWER, "model": "slow"})]
    gate.set()
    tab.wait("!photos.some(isBusy)")
    assert text(tab, "meta").startswith("quick,")
    assert text(tab, "name").startswith("quick.jpg")
    older = "Bull Mastiff, 90 %" if status == 200 else "A limit of your key is reached"
    assert briefs(tab) == ["Bull Mastiff, 90 %", older]
    assert tab.run("at('problem').hidden && !at('result').hidden")


@pytest.mark.parametrize("slow_is_a_photo", [True, False])
def test_the_newer_photo_is_shown_before_one_that_opens_slowly(
    tab: Tab, api: Api, tmp_path: Path, photo: Path, slow_is_a_photo: bool
) -> None:
    slow = tmp_path / "slow.png"
    Image.effect_noise((2600, 1900), 90).save(slow, "PNG", compress_level=1)
    if not slow_is_a_photo:
        slow.write_bytes(slow.read_bytes()[:100] + bytes(5_000_000))
    type_key(tab, "key-1")
    tab.choose("#file", slow)
    tab.choose("#file", photo)
    tab.wait(ANSWERED)
    tab.wait("!photos.some(isBusy)")
    assert photo.read_bytes() in [request.body for request in api.received]
    assert text(tab, "name").startswith("dog.png")
    assert tab.run("at('problem').hidden && !at('result').hidden")


def test_an_impatient_person_sends_once(tab: Tab, api: Api, photo: Path) -> None:
    tab.choose("#file", photo)
    tab.wait("!at('preview').hidden")
    gate = api.held[photo.read_bytes()] = threading.Event()
    type_key(tab, "key-1")
    tab.run("at('key').focus()")
    for _ in range(3):
        tab.press("Enter")
        tab.run("at('send').click()")
    gate.set()
    tab.wait(ANSWERED)
    assert len(api.received) == 1


# ---------------------------------------------------------------- the key


def test_without_a_key_nothing_is_sent(tab: Tab, api: Api, photo: Path) -> None:
    type_key(tab, "\u200b \u00a0")
    tab.choose("#file", photo)
    tab.wait(ANSWERED)
    assert problem(tab)[0] == "Enter your API key"
    assert api.received == []


@pytest.mark.parametrize(
    "key",
    [
        " key-1\n",
        "key\u200b-1",  # zero-width space
        "\ufeffkey-1",  # byte order mark
        "key-\u00ad1",  # soft hyphen
        "\u202akey-1\u202c",  # directions
        "ke\u00a0y-\u30001",  # wide and unbreakable spaces
        "key\ufe0f-\u115f1",  # variation selector, Hangul filler
        "key\x00-1\x1b",
    ],
)
def test_invisible_characters_of_a_key_are_dropped(
    tab: Tab, api: Api, photo: Path, key: str
) -> None:
    send(tab, photo, key)
    assert [request.key for request in api.received] == ["key-1"]
    assert tab.run("sessionStorage.getItem('kennel-api-key')") == "key-1"


@pytest.mark.parametrize(
    ("key", "character"),
    [
        ("k\u0435y-1", "\u0435” (U+0435)"),  # a Cyrillic letter
        ("kéy-1", "é” (U+00E9)"),  # of Latin-1, which a header could carry
        ("key\u20131", "\u2013” (U+2013)"),  # a dash for a hyphen
        ("key\U0001f436", "\U0001f436” (U+1F436)"),
    ],
)
def test_a_key_of_other_characters_is_named_before_a_request(
    tab: Tab, api: Api, photo: Path, key: str, character: str
) -> None:
    send(tab, photo, key)
    headline, sentence = problem(tab)
    assert headline == "This is no API key"
    assert sentence.startswith(f"It contains “{character}, and keys have only")
    assert tab.run("at('key').getAttribute('aria-invalid')") == "true"
    assert api.received == []


def test_the_page_works_without_session_storage(tab: Tab, api: Api, photo: Path) -> None:
    blocked = """Object.defineProperty(window, "sessionStorage", {
        get() { throw new DOMException("blocked", "SecurityError"); } })"""
    with tab.before_each_page(blocked):
        tab.open(api.url)
    send(tab, photo)
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.complaints == []


# ---------------------------------------------------------------- no answer


def test_offline_is_said_so(tab: Tab, api: Api, photo: Path) -> None:
    tab.offline(True)
    try:
        send(tab, photo)
    finally:
        tab.offline(False)
    assert problem(tab)[0] == "You are offline"
    tab.run("at('again').click()")
    tab.wait("!at('result').hidden")


def test_a_lost_connection_is_said_so(tab: Tab, api: Api, photo: Path) -> None:
    api.status = 0
    send(tab, photo)
    assert problem(tab)[0] == "The API cannot be reached"


def test_an_answer_that_does_not_come_is_given_up(tab: Tab, api: Api, photo: Path) -> None:
    hurry = """{ const wait = setTimeout;
        window.setTimeout = (act, ms) => wait(act, ms === 35_000 ? 100 : ms); }"""
    with tab.before_each_page(hurry):
        tab.open(api.url)
    api.held[photo.read_bytes()] = threading.Event()
    send(tab, photo)
    assert problem(tab)[0] == "No answer came"


@pytest.mark.parametrize("answer", [b"<html>", None, {"is_dog": True}, {**ANSWER, "breeds": []}])
def test_an_answer_of_another_form_is_no_lost_connection(
    tab: Tab, api: Api, photo: Path, answer: object
) -> None:
    api.answer = answer
    send(tab, photo)
    assert problem(tab)[0] == "Something broke on the other side"
    assert tab.complaints == []
