"""Degrade photos (JPEG compression, downscaling, blur) to choose the threshold of dog detection."""

import io
from collections.abc import Callable

from PIL import Image, ImageFilter

SMALL = 160  # pixels of the longer side: a thumbnail, or a dog cut out of a larger photo


def compressed(wire: Image.Image) -> Image.Image:
    """Return the photo as a JPEG of quality 20 shows it."""
    buffer = io.BytesIO()
    wire.save(buffer, "JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def small(wire: Image.Image) -> Image.Image:
    """Return the photo with ``SMALL`` pixels on its longer side, or as it is if it has fewer."""
    copy = wire.copy()
    copy.thumbnail((SMALL, SMALL), Image.Resampling.BICUBIC)
    return copy


def blurred(wire: Image.Image) -> Image.Image:
    """Return the photo out of focus: no edge is narrower than about a hundredth of its width."""
    return wire.filter(ImageFilter.GaussianBlur(max(wire.size) / 250))


DEGRADATIONS: tuple[Callable[[Image.Image], Image.Image], ...] = (compressed, small, blurred)
