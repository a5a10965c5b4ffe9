"""The demonstration knows its samples' labels and compares answers with them."""

from pathlib import Path

import pytest

from kennel.answer import Answer
from kennel.demo import Sample, is_right, own_photos, samples, summary, tally, with_label
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


def test_without_a_label_a_photo_is_answered_and_never_right() -> None:
    unknown = Sample(PHOTO, None, is_labelled=False)
    assert tally([BEAGLE, REFUSED], [unknown, unknown]) == {"answered": 1, "photos": 2}
    assert summary([BEAGLE, REFUSED], [unknown, unknown]) == ["answered: 1 of 2"]


def test_folders_named_as_breeds_are_compared_and_the_others_named(tmp_path: Path) -> None:
    for folder in ("beagle", "Pugs", "havanese", "no dog"):
        (tmp_path / folder).mkdir()
        write_photo(tmp_path / folder / "a.jpg")
    shown = [with_label(each, tmp_path, ["Beagle", "Pug"]) for each in own_photos(tmp_path)]
    answers = [BEAGLE, BEAGLE, BEAGLE, NO_DOG]  # in the order Pugs, beagle, havanese, no dog
    assert tally(answers, shown) == {"right": 2, "labelled": 3, "answered": 4, "photos": 4}
    assert summary(answers, shown) == [
        f"{tmp_path}/Pugs/a.jpg: Beagle, expected Pug",
        "not compared, the model has no breed of this name: havanese",
        "answered: 4 of 4",
        "right: 2 of 3",
    ]
