"""What is noted of photos with a defect, and of those without."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dogbreeds.data.audit_rules import without_dog
from dogbreeds.photos.decode import load_photo
from dogbreeds.photos.quality import defects
from tests.model.pictures import picture
from tests.model.spoiled import DEFECTS, kinds_of

PICTURES = [picture(number, (500, 400)) for number in range(5)]


# The made pictures have so few edges that a JPEG's ripples at them count when they are shaken.
@pytest.mark.parametrize("name", sorted(set(DEFECTS) - {"shaken"}))
def test_a_defect_is_noted_as_what_it_is(name: str) -> None:
    kind, make = DEFECTS[name]
    assert all(kinds_of(make(image)) == {kind} for image in PICTURES)


def test_a_picture_without_a_defect_has_no_note() -> None:
    assert {kind for image in PICTURES for kind in kinds_of(image)} == set()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (9, 4), (640, 1)])
def test_any_size_is_judged(size: tuple[int, int]) -> None:
    for colour in ("black", "white", "grey"):
        kinds = {kind for kind, _ in defects(Image.new("RGB", size, colour))}
        assert kinds & {"dark", "over-exposed", "one-colour"}


def test_a_white_background_is_not_over_exposed() -> None:
    studio = Image.new("RGB", (400, 300), "white")
    studio.paste(PICTURES[0].resize((240, 240)), (80, 30))
    assert kinds_of(studio) == set()


def test_photos_without_a_dog_are_listed_lowest_score_first() -> None:
    finding = without_dog(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], [0.05, 0.9, 0.001, 0.1])
    assert [(item.files, item.reason) for item in finding.items] == [
        (("c.jpg",), "dog score 0.001"),
        (("a.jpg",), "dog score 0.050"),
    ]
    assert not finding.stops


def some_photos(shared_data: Path, every: int) -> Sequence[Path]:
    woof, pets = ((shared_data / name).rglob("*.jp*g") for name in ("woof10", "pets13"))
    return sorted([*woof, *pets])[::every]


@pytest.mark.shared
def test_few_real_photos_have_a_note(shared_data: Path) -> None:
    photos = some_photos(shared_data, 6)
    noted = [photo for photo in photos if defects(load_photo(photo))]
    assert len(photos) > 200 and len(noted) <= 0.02 * len(photos)


@pytest.mark.shared
@pytest.mark.parametrize("name", DEFECTS)
def test_nine_in_ten_of_real_photos_with_a_defect_are_noted(name: str, shared_data: Path) -> None:
    kind, make = DEFECTS[name]
    photos = some_photos(shared_data, 60)
    noted = [kind in kinds_of(make(Image.open(photo).convert("RGB"))) for photo in photos]
    assert np.mean(noted) >= 0.9
