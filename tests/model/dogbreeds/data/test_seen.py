from pathlib import Path

import pytest

from dogbreeds.data.dataset import read
from dogbreeds.data.seen import SeenPhotos, seen_photos
from tests.model.pictures import write


def of_names(folder: Path, *names: str) -> SeenPhotos:
    """Of a data set whose valid photos have these names; nobody decodes them."""
    for split in ("train", "valid"):
        for number, name in enumerate(names):
            write(folder / split / name, f"{split} {number}".encode())
    return seen_photos(read(folder))


@pytest.mark.parametrize(
    "name",
    [
        "beagle/n02088364_10074.JPEG",  # ImageNet, Imagewoof, Stanford Dogs
        "n02088364-beagle/n02088364_4.jpg",
        "beagle/ILSVRC2012_val_00003014.JPEG",
        "havanese/n02088364_12.jpg",  # whatever the folder says
    ],
)
def test_imagenet_s_names_are_seen(name: str, tmp_path: Path) -> None:
    other = "pug/IMG_1.jpg"
    assert of_names(tmp_path, name, other) == SeenPhotos(2, by_name=1, by_breed=0)


@pytest.mark.parametrize(
    "name",
    [
        "beagle/000bec180eb18c7604dcecc8fe0dba07.jpg",  # Kaggle's copy of Stanford Dogs
        "beagle/17.jpg",
        "n02088364-beagle/17.jpg",
        "Beagle/pug_17.jpg",  # another breed's name tells nothing
        "001.Beagle/photo (3).jpg",
    ],
)
def test_photos_with_neutral_names_count_as_seen_if_imagenet_has_the_breed(
    name: str, tmp_path: Path
) -> None:
    unknown = "havanese/17.jpg"
    assert of_names(tmp_path, name, unknown) == SeenPhotos(2, by_name=0, by_breed=1)


@pytest.mark.parametrize(
    "name",
    [
        "beagle/beagle_144.jpg",  # Oxford's pets
        "german_shorthaired/german_shorthaired_12.jpg",
        "002.Afghan_hound/Afghan_hound_00081.jpg",  # Udacity's dogImages
        "Beagle/IMG_2041.jpg",
        "beagle/20230504_123456.jpg",
        "beagle/PXL_20230504_123456789.jpg",
        "beagle/WhatsApp Image 2024-01-02 at 10.11.12.jpeg",
    ],
)
def test_photos_with_names_of_another_source_do_not_count_as_seen(
    name: str, tmp_path: Path
) -> None:
    assert not of_names(tmp_path, name, "havanese/17.jpg").most


def test_half_of_the_photos_are_not_most(tmp_path: Path) -> None:
    seen = of_names(tmp_path, "beagle/n02088364_1.jpg", "pug/pug_1.jpg")
    assert seen.by_name == 1 and not seen.most


def test_random_weights_have_seen_nothing(tmp_path: Path) -> None:
    of_names(tmp_path, "beagle/n02088364_1.jpg", "pug/n02110958_1.jpg")
    assert seen_photos(read(tmp_path), pretrained=False) == SeenPhotos(2, 0, 0)


def test_the_reason_is_one_sentence() -> None:
    sentence = SeenPhotos(200, 150, 20).sentence()
    assert "170 of the 200 valid photos" in sentence
    assert "--accept seen-by-backbone" in sentence
    assert sentence.count(". ") == 0 and sentence.endswith(".")


@pytest.mark.shared
@pytest.mark.parametrize(("name", "seen"), [("woof10", True), ("pets13", False)])
def test_imagenet_photos_are_seen_and_oxford_pets_are_not(
    name: str, seen: bool, shared_data: Path
) -> None:
    assert seen_photos(read(shared_data / name)).most is seen
