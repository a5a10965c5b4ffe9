from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from dogbreeds.network.features import Extractor, Features
from dogbreeds.network.network import Network
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import PhotoError
from tests.model.pictures import picture, saved, write

STEP = PreprocessConfig(64, 0.9, "bicubic", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def small(seed: int = 3) -> Network:
    torch.manual_seed(seed)
    return Network(timm.create_model("test_efficientnet"), 3, STEP).eval()


@pytest.fixture(scope="module")
def network() -> Network:
    return small()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"{number}.jpg", number) for number in range(7)]


def same(one: Features, other: Features) -> bool:
    return bool((one.vectors == other.vectors).all() and (one.dog_mass == other.dog_mass).all())


def test_cached_features_equal_the_networks(network: Network, photos: list[Path]) -> None:
    from dogbreeds.photos.decode import wire_image  # noqa: PLC0415
    from dogbreeds.photos.preprocess import prepare  # noqa: PLC0415

    pixels = np.stack([prepare(wire_image(path.read_bytes()), STEP) for path in photos])
    for view, mirrored in ((pixels, False), (pixels[:, :, ::-1].copy(), True)):
        features = Extractor(network, STEP, None)(photos, mirrored)
        with torch.inference_mode():
            vectors = network.features(torch.from_numpy(view))
            mass = network.dog_mass(vectors)
        np.testing.assert_allclose(features.vectors, vectors.numpy(), atol=2e-3)
        np.testing.assert_allclose(features.dog_mass, mass.numpy(), atol=1e-4)


def test_a_photos_bits_depend_on_no_other_photo(network: Network, photos: list[Path]) -> None:
    together = Extractor(network, STEP, None, threads=2)(photos)
    alone = Extractor(network, STEP, None, threads=1)
    for row, path in enumerate(photos):
        assert (alone([path]).vectors[0] == together.vectors[row]).all()


def test_what_was_computed_is_not_computed_again(
    network: Network, photos: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first, second = (Extractor(network, STEP, cache) for _ in range(2))
    features = first(photos[:5])
    assert first.computed == 5
    renamed = photos[0].rename(tmp_path / "other.jpg")  # content counts, not the name
    again = second([renamed, *photos[1:]])
    assert second.computed == 2
    assert same(features, again.rows(np.arange(5)))


def test_other_weights_or_another_view_are_other_features(
    network: Network, photos: list[Path], tmp_path: Path
) -> None:
    first, other = Extractor(network, STEP, tmp_path), Extractor(small(4), STEP, tmp_path)
    features = first(photos)
    assert not same(features, other(photos))
    assert other.computed == 7
    assert not same(features, first(photos, mirrored=True))
    assert first.computed == 14


def test_a_broken_cache_is_computed_anew(
    network: Network, photos: list[Path], tmp_path: Path
) -> None:
    features = Extractor(network, STEP, tmp_path / "cache")(photos)
    (shard,) = (tmp_path / "cache").rglob("*.npz")
    shard.write_bytes(shard.read_bytes()[:-1000])
    extractor = Extractor(network, STEP, tmp_path / "cache")
    assert same(features, extractor(photos))
    assert extractor.computed == 7


def test_a_cache_that_cannot_be_written_costs_no_training(
    network: Network, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert Extractor(network, STEP, tmp_path / "cache")(photos).vectors.shape == (7, 256)


def test_the_same_photo_twice_is_two_rows(network: Network, photos: list[Path]) -> None:
    features = Extractor(network, STEP, None)([photos[0], photos[1], photos[0]])
    assert (features.vectors[0] == features.vectors[2]).all()


def test_a_broken_photo_is_named(network: Network, tmp_path: Path) -> None:
    torn = write(tmp_path / "torn.jpg", saved(picture(1))[:1500])
    with pytest.raises(PhotoError, match=r"torn\.jpg: The 1,500 bytes"):
        Extractor(network, STEP, None)([torn])
