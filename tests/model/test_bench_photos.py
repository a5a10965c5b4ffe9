"""The photos that bench/train_gpu.py is timed on."""

import importlib
import io
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

from dogbreeds.data.dataset import read
from tests.model.pictures import kennel_of

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def bench_photos(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("bench_photos")


def test_made_photos_are_of_the_size_asked_for_and_the_same_each_time(
    bench_photos: ModuleType, tmp_path: Path
) -> None:
    counts = {"train": 3, "valid": 1, "test": 1}
    for name in ("one", "two"):
        bench_photos.made(tmp_path / name, counts, 90, breeds=2)
    dataset = read(tmp_path / "one")
    assert [len(dataset.of_split(split)) for split in counts] == [6, 2, 2]
    bodies = {photo.path.read_bytes() for photo in dataset.photos}
    assert len(bodies) == 10  # no two alike
    assert bodies == {path.read_bytes() for path in (tmp_path / "two").rglob("*.jpg")}
    with Image.open(dataset.photos[0].path) as image:
        assert (image.size, image.format) == ((120, 90), "JPEG")


def test_a_made_photo_has_the_bytes_that_are_said(bench_photos: ModuleType, tmp_path: Path) -> None:
    bench_photos.made(tmp_path, {"train": 2}, bench_photos.SIDE, breeds=1)
    for path in tmp_path.rglob("*.jpg"):
        assert 130_000 < path.stat().st_size < 146_000


@pytest.mark.parametrize(("side", "size"), [(200, (267, 200)), (0, (160, 120))])
def test_photos_of_a_folder_are_enlarged_or_left(
    bench_photos: ModuleType, side: int, size: tuple[int, int], tmp_path: Path
) -> None:
    folder = kennel_of(tmp_path / "small", train=2, valid=1, test=1)
    dataset = bench_photos.photos_of(folder, side, tmp_path / "large")
    assert len(dataset.photos) == 8
    sizes = {Image.open(io.BytesIO(photo.path.read_bytes())).size for photo in dataset.photos}
    assert sizes == {size}


def test_fewer_photos_than_the_course_s_loop_takes_at_a_time(
    bench_photos: ModuleType, tmp_path: Path
) -> None:
    course = importlib.import_module("train_gpu").course
    dataset = read(kennel_of(tmp_path))
    with pytest.raises(SystemExit, match="12 photos in train, and the course's loop takes 64"):
        course(dataset, torch.device("cpu"))
