"""The demonstration knows its samples' labels and compares answers with them."""

from pathlib import Path

import pytest

from kennel.client import Answer
from kennel.demo import Sample, is_right, own_photos, samples
from tests.kennel.pictures import write_photo

PHOTO = Path("a.jpg")
BEAGLE = Answer("a.jpg", True, [("Beagle", 0.9), ("Pug", 0.1)], 1.0, 200)
NO_DOG = Answer("a.jpg", False, [("Pug", 0.1)], 1.0, 200)
REFUSED = Answer("a.jpg", None, [], 1.0, 400, "broken")


@pytest.mark.parametrize(
    ("sample", "answer", "right"),
    [
        (Sample(PHOTO, "Beagle"), BEAGLE, True),
        (Sample(PHOTO, "Pug"), BEAGLE, False),
        (Sample(PHOTO, "Beagle"), NO_DOG, False),
        (Sample(PHOTO, None), NO_DOG, True),
        (Sample(PHOTO, None), BEAGLE, False),
        (Sample(PHOTO, None), REFUSED, False),
        (Sample(PHOTO, None, is_labelled=False), BEAGLE, True),
        (Sample(PHOTO, None, is_labelled=False), REFUSED, False),
    ],
)
def test_an_answer_is_right_if_it_agrees_with_the_label(
    sample: Sample, answer: Answer, right: bool
) -> None:
    assert is_right(answer, sample) is right


def test_twenty_samples_with_the_dogs_first() -> None:
    breeds = [sample.breed for sample in samples()]
    assert len(breeds) == 20
    assert set(breeds[:2]) == {"Bull Mastiff", "Dalmatian"}
    assert breeds[2:] == [None] * 18


def test_own_photos_have_no_label(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    assert own_photos(tmp_path) == [Sample(photo, None, is_labelled=False)]
