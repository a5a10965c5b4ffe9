"""Make 12-megapixel JPEGs, as phones write them, of the small photos of ../shared/data.

A photo is enlarged (bicubic) to 12 million pixels in its own aspect, gets a seeded Gaussian grain
in brightness, since an enlarged photo alone is smoother than a camera's, and is saved at quality
90. That gives some 2.6 MB, as phones' photos have.
"""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

PIXELS = 12_000_000
GRAIN = 4.0  # standard deviation, of 255
QUALITY = 90
_MIDDLE = 128
_TILE = 1024  # pixels; repeated: JPEG compresses block by block, so that makes no file smaller


@lru_cache(4)
def _grain(width: int, height: int) -> Image.Image:
    noise = _MIDDLE + GRAIN * np.random.default_rng(0).standard_normal((_TILE, _TILE), np.float32)
    tile = Image.fromarray(noise.round().astype(np.uint8)).convert("RGB")
    grain = Image.new("RGB", (width, height))
    for left in range(0, width, _TILE):
        for top in range(0, height, _TILE):
            grain.paste(tile, (left, top))
    return grain


def large_jpeg(photo: Path) -> bytes:
    """Return a JPEG of 12 megapixels of a photo."""
    with Image.open(photo) as image:
        scale = (PIXELS / (image.width * image.height)) ** 0.5
        size = round(image.width * scale), round(image.height * scale)
        large = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    grainy = ImageChops.add(large, _grain(*size), offset=-_MIDDLE)
    grainy.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
