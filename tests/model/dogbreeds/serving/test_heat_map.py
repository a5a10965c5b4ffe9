import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.photos.decode import load_photo
from dogbreeds.serving.heat_map import MAX_OPACITY, SIDE, heat_map, opacities, warmth
from dogbreeds.serving.inference import Model
from dogbreeds.serving.local import Classifier

PHOTOS = 40
RANDOM = 4  # masks whose mean effect a heat map's is compared with
MASKED = 0.2  # of the area


def test_warm_is_what_speaks_for_the_first_breed_and_not_for_the_others() -> None:
    breed_map = np.zeros((3, 2, 2))
    breed_map[:, 0, 0] = 5  # a dog, of whatever breed
    breed_map[1, 1, 1] = 2
    breed_map[2, 0, 1] = 2
    cells = warmth(breed_map, np.array([0.1, 0.7, 0.2]))
    assert cells.tolist() == [[0, 0], [0, 1]]


def test_nothing_speaks_for_the_first_breed() -> None:
    assert not warmth(np.zeros((2, 3, 3)), np.array([1.0, 0.0])).any()
    assert not warmth(np.zeros((1, 3, 3)), np.array([1.0])).any()


@pytest.mark.parametrize("size", [(640, 320), (320, 320), (90, 60), (7, 640), (1, 1)])
def test_it_lies_over_the_square_that_the_network_sees(size: tuple[int, int]) -> None:
    png = heat_map(np.ones((9, 9)), size, crop_pct=0.9)
    assert len(png) < 4_000
    warm = opacities(png)
    height, width = warm.shape
    assert max(warm.shape) == SIDE
    assert abs(width / SIDE - size[0] / max(size)) <= 1 / SIDE
    rows, columns = np.flatnonzero(warm.any(axis=1)), np.flatnonzero(warm.any(axis=0))
    square = max(1, round(min(width, height) * 0.9))
    assert len(rows) == len(columns) == square
    assert abs(rows.mean() - (height - 1) / 2) <= 1 and abs(columns.mean() - (width - 1) / 2) <= 1
    assert warm.max() == MAX_OPACITY


def masked(photo: Image.Image, heat: NDArray[np.float64], inside: NDArray[np.bool_]) -> Image.Image:
    """Return the photo with its warmest fifth, of what the network sees, in its mean colour."""
    count = round(MASKED * inside.sum())
    ranked = np.where(inside, heat, -1).ravel()
    hidden = np.zeros(ranked.shape, bool)
    hidden[np.argpartition(-ranked, count)[:count]] = True
    pixels = np.array(photo)
    pixels[hidden.reshape(inside.shape)] = pixels.reshape(-1, 3).mean(axis=0)
    return Image.fromarray(pixels)


@pytest.mark.slow
@pytest.mark.shared
def test_masking_what_is_warm_takes_more_than_masking_by_chance(
    model: Model, shared_data: Path
) -> None:
    classifier = Classifier(model)
    random = np.random.default_rng(18)
    files = sorted((shared_data / "woof10" / "test").rglob("*.*"))
    more = 0
    for file in files[:: len(files) // PHOTOS]:
        photo = load_photo(file)
        answer = classifier.classify(photo, explain=True)
        breed = answer["explain"]["breed"]
        png = Image.open(io.BytesIO(base64.b64decode(answer["explain"]["heat_map"])))
        alpha = png.convert("RGBA").getchannel("A").resize(photo.size, Image.Resampling.BICUBIC)
        side = min(photo.size) * model.card.input.crop_pct
        across, down = (np.abs(np.arange(n) - (n - 1) / 2) <= side / 2 for n in photo.size)
        inside = down[:, None] & across[None, :]
        heats = [np.asarray(alpha, np.float64)]
        for _ in range(RANDOM):  # as smooth as a heat map
            cells = Image.fromarray(random.random((9, 9)).astype(np.float32))
            heats.append(np.asarray(cells.resize(photo.size, Image.Resampling.BICUBIC)) + 1.0)
        left = []
        for heat in heats:
            named = classifier.classify(masked(photo, heat, inside))["breeds"]
            left.append(next((b["probability"] for b in named if b["breed"] == breed), 0.0))
        more += int(left[0] < np.mean(left[1:]))
    assert more >= 0.8 * PHOTOS, more
