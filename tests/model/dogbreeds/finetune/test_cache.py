from pathlib import Path

import numpy as np
import pytest

from dogbreeds.finetune.cache import open_cache, served_view, training_view, whole_view
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.preprocess import prepare
from tests.model.dogbreeds.finetune.tiny import STEP, photos
from tests.model.pictures import picture, saved, write

VIEW = whole_view(24)


def test_the_pixels_are_the_photos_own(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 3)
    cached = open_cache(tmp_path / "cache", VIEW, paths, 2)
    assert len(cached) == 3
    rows = cached.rows([2, 0])
    assert rows.shape == (2, 24, 24, 3) and rows.dtype == np.uint8
    for row, number in zip(rows, (2, 0), strict=True):
        small = picture(number).resize((24, 24))
        assert np.abs(row.astype(int) - np.asarray(small).astype(int)).mean() < 8
    np.testing.assert_allclose(cached.aspects, 160 / 120)


def test_the_served_view_is_what_serving_makes(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    cached = open_cache(tmp_path / "cache", served_view(STEP), paths, 1)
    for row, path in zip(cached.rows([0, 1]), paths, strict=True):
        np.testing.assert_array_equal(row, prepare(wire_image(path.read_bytes()), STEP))


def test_photos_are_decoded_once_by_their_content(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path / "here", 4)
    first = open_cache(tmp_path / "cache", VIEW, paths[:3], 1)
    files = sorted((tmp_path / "cache").rglob("*.u8"))
    moved = [path.rename(tmp_path / f"moved-{path.name}") for path in paths]
    moved[0].write_bytes(saved(picture(77)))  # changed
    again = open_cache(tmp_path / "cache", VIEW, moved, 1)
    (new,) = set((tmp_path / "cache").rglob("*.u8")) - set(files)
    assert new.stat().st_size == 2 * VIEW.bytes_each  # the changed one and the fourth
    np.testing.assert_array_equal(again.rows([1, 2]), first.rows([1, 2]))
    assert (again.rows([0]) != first.rows([0])).any()


def test_views_do_not_share_pixels(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 1)
    for side in (24, 32):
        rows = open_cache(tmp_path / "cache", whole_view(side), paths, 1).rows([0])
        assert rows.shape == (1, side, side, 3)


def test_broken_files_are_decoded_anew(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    expected = open_cache(tmp_path / "cache", VIEW, paths, 1).rows([0, 1])
    (listing,) = (tmp_path / "cache").rglob("*.json")
    for text in ("{", ""):
        listing.write_text(text)
        cached = open_cache(tmp_path / "cache", VIEW, paths, 1)
        np.testing.assert_array_equal(cached.rows([0, 1]), expected)
    (pixels,) = (tmp_path / "cache").rglob("*.u8")
    pixels.write_bytes(pixels.read_bytes()[:100])  # a disk that lost it
    cached = open_cache(tmp_path / "cache", VIEW, paths, 1)
    np.testing.assert_array_equal(cached.rows([0, 1]), expected)


def test_a_photo_that_cannot_be_decoded_is_named_and_nothing_stays(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    paths.append(write(tmp_path / "broken.jpg", saved(picture(5))[:200]))
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        open_cache(tmp_path / "cache", VIEW, paths, 1)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_crops_are_cut_from_a_little_more_than_the_input() -> None:
    step = PreprocessConfig(224, 0.95, "bicubic", (0.5,) * 3, (0.5,) * 3)
    assert training_view(step).side == 256
