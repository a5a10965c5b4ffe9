"""Folder names as labels, as people and data sets write them."""

from pathlib import Path

import pytest

from kennel.folder_labels import Unlabelled, breed_by_folder

BREEDS = [
    "Beagle", "Bull Mastiff", "Chow", "Cocker Spaniel", "French Bulldog", "German Shepherd",
    "German Short-haired Pointer", "Pug", "Toy Poodle", "Toy Terrier",
]  # fmt: skip
ROOT = Path("/photos")


@pytest.mark.parametrize(
    ("folder", "breed"),
    [
        ("beagle", "Beagle"),
        ("n02088364-beagle", "Beagle"),
        ("bullmastiff", "Bull Mastiff"),
        ("016.Beagle", "Beagle"),
        ("German_shepherd_dog", "German Shepherd"),
        ("german_shorthaired", "German Short-haired Pointer"),
        ("Pugs", "Pug"),
        ("test/pug/holidays", "Pug"),
        ("No dog", None),
        ("pug/not_dogs", None),
    ],
)
def test_the_nearest_folder_with_a_breed_s_name_is_the_label(
    folder: str, breed: str | None
) -> None:
    assert breed_by_folder(ROOT / folder / "a.jpg", ROOT, BREEDS) == breed


@pytest.mark.parametrize(
    "folder",
    ["", "test", "bulldog", "puggle", "toy", "german", "english_cocker_spaniel", "chow mix", "犬"],
)
def test_another_name_is_no_label(folder: str) -> None:
    with pytest.raises(Unlabelled):
        breed_by_folder(ROOT / folder / "a.jpg", ROOT, BREEDS)


def test_a_folder_of_one_breed_labels_the_photos_right_in_it() -> None:
    root = Path("/photos/Pug")
    assert breed_by_folder(root / "a.jpg", root, BREEDS) == "Pug"
