"""Augment training photos on the device: crop, mirror, brightness, contrast, blend.

Everything is computed from the uniform numbers of `plan.draws`, so the same numbers give the same
picture on every machine up to rounding.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from dogbreeds.finetune.recipes import Recipe

_STRETCH = math.log(4 / 3)  # a crop's width to height, at most and at least (Szegedy et al., 2015)
_GREY = 127.5


def crops(draws: Tensor, aspects: Tensor, recipe: Recipe) -> Tensor:
    """Return affine maps [B, 2, 3] from the output to a crop of a squeezed photo.

    Parameters
    ----------
    draws : Tensor
        Uniform [B, 8]: area, stretch, x, y, mirror, contrast, brightness; one is spare.
    aspects : Tensor
        Width / height of the photos [B].
    """
    area = recipe.smallest_crop + (1 - recipe.smallest_crop) * draws[:, 0]
    stretch = torch.exp(0.5 * _STRETCH * (2 * draws[:, 1] - 1))
    # the shorter side is 1; a crop of area 1 is the largest square
    width, height = aspects.clamp(min=1), (1 / aspects).clamp(min=1)
    wide = (area.sqrt() * stretch).minimum(width) / width  # as shares of the photo's sides
    high = (area.sqrt() / stretch).minimum(height) / height
    centre_x = (1 - wide) * (2 * draws[:, 2] - 1)
    centre_y = (1 - high) * (2 * draws[:, 3] - 1)
    mirror = torch.where(draws[:, 4] < 0.5, -1.0, 1.0)  # noqa: PLR2004  # every other photo
    zero = torch.zeros_like(wide)
    return torch.stack(
        [
            torch.stack([wide * mirror, zero, centre_x], dim=1),
            torch.stack([zero, high, centre_y], dim=1),
        ],
        dim=1,
    )


def augment(pixels: Tensor, aspects: Tensor, draws: Tensor, size: int, recipe: Recipe) -> Tensor:
    """Augment uint8 `pixels` [B, side, side, 3] to float32 [B, size, size, 3] in 0..255."""
    photos = pixels.permute(0, 3, 1, 2).float()
    maps = affine_grid(crops(draws, aspects, recipe), [len(photos), 3, size, size], False)
    cut = grid_sample(photos, maps, mode="bilinear", padding_mode="reflection", align_corners=False)
    if recipe.jitter:
        by = recipe.jitter * (2 * draws[:, 5:7] - 1)
        contrast, brightness = by[:, 0].view(-1, 1, 1, 1), by[:, 1].view(-1, 1, 1, 1)
        cut = (cut - _GREY) * (1 + contrast) + _GREY * (1 + brightness)
        cut = cut.clamp(0, 255)
    return cut.permute(0, 2, 3, 1)


def partners(count: int) -> Tensor:
    """Return the index of the photo that each is blended with: 1, 0, 3, 2, ...

    The last of an odd number is blended with itself. Neighbours stay neighbours when processes
    share a batch evenly, so several processes blend the pairs that one would.
    """
    return torch.arange(count).bitwise_xor(1).clamp(max=count - 1)


def blend(photos: Tensor, share: Tensor) -> Tensor:
    """Return each photo of [B, ...] mixed with its partner (mixup, Zhang et al., 2018)."""
    other = photos[partners(len(photos)).to(photos.device)]
    return share * photos + (1 - share) * other
