from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dogbreeds.photos.decode import PhotoError, load_photo
from dogbreeds.photos.store import PhotoStore
from tests.model.pictures import picture, saved, write

BYTES = 160 * 120 * 3  # of one picture


class Counting:
    """A `LoadPhoto` that counts how often it decoded each photo."""

    def __init__(self) -> None:
        self.decoded: Counter[str] = Counter()

    def __call__(self, path: Path) -> Image.Image:
        self.decoded[path.name] += 1
        return load_photo(path)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"{number}.jpg", number) for number in range(4)]


def pixels(image: Image.Image) -> bytes:
    return image.tobytes()


def test_a_photo_is_decoded_once_and_its_pixels_stay_the_same(
    photos: list[Path], tmp_path: Path
) -> None:
    decode = Counting()
    with PhotoStore(tmp_path / "cache", 1e9, decode) as load:
        for _ in range(3):
            for path in photos:
                assert pixels(load(path)) == pixels(load_photo(path))
        assert load.bytes_stored == 4 * BYTES
    assert decode.decoded == Counter({path.name: 1 for path in photos})


def test_a_caller_may_change_its_image(photos: list[Path], tmp_path: Path) -> None:
    with PhotoStore(tmp_path, 1e9) as load:
        load(photos[0]).thumbnail((10, 10))
        load(photos[0]).paste("black", (0, 0, 9, 9))
        np.testing.assert_array_equal(load(photos[0]), load_photo(photos[0]))


def test_photos_beyond_the_room_are_decoded_again(photos: list[Path], tmp_path: Path) -> None:
    decode = Counting()
    with PhotoStore(tmp_path, 2.5 * BYTES, decode) as load:
        for _ in range(2):
            for path in photos:
                assert pixels(load(path)) == pixels(load_photo(path))
        assert load.bytes_stored == 2 * BYTES
    assert decode.decoded == Counter({"0.jpg": 1, "1.jpg": 1, "2.jpg": 2, "3.jpg": 2})


def test_threads_share_a_photo_store(photos: list[Path], tmp_path: Path) -> None:
    with PhotoStore(tmp_path, 1e9) as load, ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for path, image in zip(photos, pool.map(load, photos), strict=True):
                assert pixels(image) == pixels(load_photo(path))


def test_a_folder_that_cannot_be_made_costs_only_speed(photos: list[Path], tmp_path: Path) -> None:
    decode = Counting()
    folder = write(tmp_path / "a file", b"")
    with PhotoStore(folder, 1e9, decode) as load:
        assert pixels(load(photos[0])) == pixels(load(photos[0]))
    assert decode.decoded["0.jpg"] == 2


def test_a_broken_photo_is_named_each_time(tmp_path: Path) -> None:
    torn = write(tmp_path / "torn.jpg", saved(picture(1))[:1500])
    with PhotoStore(tmp_path, 1e9) as load:
        for _ in range(2):
            with pytest.raises(PhotoError, match=r"torn\.jpg: The 1,500 bytes"):
                load(torn)


def test_nothing_stays_on_disk(photos: list[Path], tmp_path: Path) -> None:
    with PhotoStore(tmp_path / "cache", 1e9) as load:
        load(photos[0])
        assert list((tmp_path / "cache").iterdir()) == []  # not even while it is open
