from dataclasses import replace

import numpy as np
import pytest
import torch

from dogbreeds.finetune.augment import augment, blend, crops, partners
from dogbreeds.finetune.recipes import SMALL

STILL = replace(SMALL, smallest_crop=1.0, jitter=0.0)
HALF = 0.5  # no stretch, the middle
NOT_MIRRORED = torch.tensor([[1.0, HALF, HALF, HALF, 0.9, HALF, HALF, 0.0]])


def gradient(side: int = 32) -> torch.Tensor:
    """Red grows to the right, green downwards."""
    ramp = torch.linspace(0, 255, side)
    red, green = ramp.expand(side, side), ramp.view(-1, 1).expand(side, side)
    return torch.stack([red, green, torch.full_like(red, 9)], dim=2).to(torch.uint8)[None]


def test_the_largest_crop_of_a_square_photo_is_the_photo() -> None:
    augmented = augment(gradient(), torch.ones(1), NOT_MIRRORED, 32, STILL)
    assert augmented.shape == (1, 32, 32, 3) and augmented.dtype == torch.float32
    assert (augmented - gradient().float()).abs().max() < 1


def test_a_draw_mirrors_the_photo() -> None:
    draws = NOT_MIRRORED.clone()
    draws[0, 4] = 0.1
    augmented = augment(gradient(), torch.ones(1), draws, 32, STILL)
    assert (augmented - gradient().float().flip(2)).abs().max() < 1


@pytest.mark.parametrize(("aspect", "axis"), [(2.0, 0), (0.5, 1)])
def test_augmentation_restores_the_aspect_of_a_squeezed_photo(aspect: float, axis: int) -> None:
    """Of a photo twice as wide as high the middle half is seen, and all of its height."""
    augmented = augment(gradient(), torch.tensor([aspect]), NOT_MIRRORED, 32, STILL)[0]
    spread = [float(augmented[..., c].max() - augmented[..., c].min()) for c in (0, 1)]
    assert spread[axis] == pytest.approx(127, abs=6)
    assert spread[1 - axis] == pytest.approx(255, abs=1)


def test_crops_stay_inside_and_keep_their_share() -> None:
    recipe = replace(SMALL, smallest_crop=0.25)
    draws = torch.rand(2_000, 8, generator=torch.Generator().manual_seed(1))
    aspects = torch.exp(2 * draws[:, 7] - 1)
    maps = crops(draws, aspects, recipe)
    wide, high = maps[:, 0, 0].abs(), maps[:, 1, 1]
    assert (maps[:, 0, 2].abs() + wide <= 1 + 1e-5).all()
    assert (maps[:, 1, 2].abs() + high <= 1 + 1e-5).all()
    width, height = aspects.clamp(min=1), (1 / aspects).clamp(min=1)
    area = wide * width * high * height  # of the centred square's
    assert float(area.max()) <= 1 + 1e-5
    assert float(area.quantile(0.01)) > 0.2  # less only where the photo is too narrow for it
    assert (maps[:, 0, 0] < 0).float().mean() == pytest.approx(0.5, abs=0.05)


def test_brightness_and_contrast_stay_in_range() -> None:
    recipe = replace(STILL, jitter=0.5)
    draws = NOT_MIRRORED.repeat(2, 1)
    draws[:, 5:7] = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    augmented = augment(gradient().repeat(2, 1, 1, 1), torch.ones(2), draws, 32, recipe)
    assert float(augmented.min()) >= 0 and float(augmented.max()) <= 255
    assert augmented[0].mean() > gradient().float().mean() > augmented[1].mean()


def test_blending_with_the_neighbour() -> None:
    assert partners(5).tolist() == [1, 0, 3, 2, 4]
    photos = torch.tensor([0.0, 100.0, 50.0])
    np.testing.assert_allclose(blend(photos, torch.tensor([0.75])), [25, 75, 50])
