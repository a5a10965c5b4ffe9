"""What a person does with the page, and reads on it."""

from pathlib import Path

from tests.functions.page.browser import Tab

ANSWERED = "!at('result').hidden || !at('problem').hidden"


def type_key(tab: Tab, key: str) -> None:
    tab.run(f"at('key').value = {key!r}; at('key').dispatchEvent(new Event('input'))")


def send(tab: Tab, photo: Path, key: str = "key-1") -> None:
    """Choose a photo, which is sent at once because there is a key, and wait for what follows."""
    type_key(tab, key)
    tab.choose("#file", photo)
    tab.wait(ANSWERED)


def text(tab: Tab, element: str) -> str:
    return str(tab.run(f"at('{element}').textContent")).replace("\u00a0", " ")


def problem(tab: Tab) -> tuple[str, str]:
    """Return the headline and the sentence of the problem that is shown."""
    assert tab.run("!at('problem').hidden")
    return text(tab, "problem-headline"), text(tab, "problem-say")


def briefs(tab: Tab) -> list[str]:
    """Return what the list says of each photo, from the newest to the oldest."""
    brief = "[...document.querySelectorAll('.shot-brief')].map((each) => each.textContent)"
    return [text.replace("\u00a0", " ") for text in tab.run(brief)]
