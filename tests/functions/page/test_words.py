"""What the page says of an answer: probably, one of several, perhaps a dog, no dog."""

from pathlib import Path
from typing import Any

import pytest

from tests.functions.page.acts import send, text
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import ANSWER, Api

pytestmark = pytest.mark.rivals


def breeds(*probabilities: float) -> list[dict[str, Any]]:
    names = ("Beagle", "Boxer", "Pug", "Whippet", "Saluki")
    return [
        {"breed": name, "probability": share}
        for name, share in zip(names, probabilities, strict=False)
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"breeds": breeds(0.83, 0.1)}, ("Probably", "Beagle", "83 % sure.")),
        ({"breeds": breeds(0.83), "likely": ["Beagle"]}, ("Probably", "Beagle", "83 % sure.")),
        ({"breeds": breeds(0.83), "likely": None}, ("Probably", "Beagle", "83 % sure.")),
        ({"breeds": breeds(0.83), "likely": []}, ("Probably", "Beagle", "83 % sure.")),
        ({"breeds": breeds(0.2, 0.1)}, ("Hard to tell; perhaps", "Beagle", "No breed stands out.")),
        (
            {"breeds": breeds(0.5, 0.3), "likely": ["Beagle", "Boxer"]},
            ("Probably one of", "Beagle or Boxer", "For nine dogs of ten"),
        ),
        (
            {"breeds": breeds(0.5, 0.3, 0.1), "likely": ["Beagle", "Boxer", "Pug"], "dog": "yes"},
            (
                "Probably one of",
                "Beagle, Boxer or Pug",
                "For nine dogs of ten, the right breed is among those named here.",
            ),
        ),
        (
            {"breeds": breeds(0.2, 0.1), "likely": [f"Breed {number}" for number in range(12)]},
            ("Hard to tell", "One of 12 breeds", "Among them Breed 0, Breed 1, Breed 2, Breed 3."),
        ),
        (
            {"breeds": breeds(0.83), "dog": "perhaps"},
            ("Hard to tell", "Perhaps a dog", "If it is one, it is probably Beagle."),
        ),
        (
            {"breeds": breeds(0.4, 0.3), "dog": "perhaps", "likely": ["Beagle", "Boxer"]},
            (
                "Hard to tell",
                "Perhaps a dog",
                "If it is one, it is probably one of Beagle or Boxer.",
            ),
        ),
        (
            {"breeds": breeds(0.9), "is_dog": False, "dog": "no", "likely": ["Beagle"]},
            ("Not this time", "No dog here", "The photo does not seem to show a dog."),
        ),
    ],
)
def test_each_kind_of_answer_has_its_sentence(
    tab: Tab, api: Api, photo: Path, more: dict[str, Any], words: tuple[str, str, str]
) -> None:
    api.answer = {**ANSWER, **more}
    send(tab, photo)
    kicker, headline, say = words
    assert text(tab, "result-kicker") == kicker
    assert text(tab, "result-headline") == headline
    assert text(tab, "result-say").startswith(say)
    assert tab.complaints == []
