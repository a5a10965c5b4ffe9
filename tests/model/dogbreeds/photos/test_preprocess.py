from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dogbreeds.package.card import PackageError, PreprocessConfig
from dogbreeds.photos.preprocess import prepare

STEP = PreprocessConfig(260, 0.89, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("size", [(320, 427), (427, 320), (128, 640), (260, 260), (1, 1), (1, 640)])
def test_any_wire_becomes_the_networks_square(size: tuple[int, int]) -> None:
    photo = prepare(Image.new("RGB", size, (10, 120, 250)), STEP)
    assert photo.shape == (260, 260, 3)
    assert photo.dtype == np.uint8
    assert (photo == (10, 120, 250)).all()  # a flat colour stays what it is


def test_the_square_is_the_centre_and_its_margin_is_cut() -> None:
    wire = np.zeros((200, 400, 3), np.uint8)
    wire[50:150, 150:250] = 255  # the centred square of half the shorter side
    photo = prepare(Image.fromarray(wire), replace(STEP, size=100, crop_pct=0.5))
    assert (photo == 255).all()
    wider = prepare(Image.fromarray(wire), replace(STEP, size=100, crop_pct=1.0))
    assert (wider[30:70, 30:70] == 255).all()
    assert (wider[:20] == 0).all()
    assert (wider[:, :20] == 0).all()


def test_the_box_takes_fractions_of_a_pixel() -> None:
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 200, axis=0).repeat(3, axis=2)
    photo = prepare(Image.fromarray(ramp), replace(STEP, size=100, crop_pct=0.505))
    # 101 columns around the middle, 99.5: the picture stays centred to a tenth of a level
    assert abs(float(photo[50, :, 0].mean()) - 99.5) <= 0.5


def test_an_unknown_interpolation_is_named() -> None:
    with pytest.raises(PackageError, match="'lanczos9', expected one of bicubic, bilinear"):
        prepare(Image.new("RGB", (9, 9)), replace(STEP, interpolation="lanczos9"))
