"""Pictures with the defects that the audit notes, made of sound ones."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.quality import defects


def shaken(image: Image.Image, pixels: int = 15) -> Image.Image:
    """Return the picture as a camera takes it that moves sideways."""
    levels = np.asarray(image, np.float32)
    sums = np.cumsum(np.pad(levels, ((0, 0), (pixels, 0), (0, 0)), mode="edge"), axis=1)
    return Image.fromarray(((sums[:, pixels:] - sums[:, :-pixels]) / pixels).astype(np.uint8))


def enlarged(image: Image.Image) -> Image.Image:
    """Return the picture enlarged from a sixth of its size."""
    small = image.resize((max(1, image.width // 6), max(1, image.height // 6)))
    return small.resize(image.size, Image.Resampling.BICUBIC)


def brighter(factor: float) -> Callable[[Image.Image], Image.Image]:
    """Return a function that multiplies a picture's levels."""
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def faded(colour: str, share: float) -> Callable[[Image.Image], Image.Image]:
    """Return a function that blends a picture with a colour."""
    return lambda image: Image.blend(image, Image.new("RGB", image.size, colour), share)


#: Name -> (kind of the finding, what makes it).
DEFECTS: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "blurred by 3": ("blurry", lambda image: image.filter(ImageFilter.GaussianBlur(3))),
    "blurred by 6": ("blurry", lambda image: image.filter(ImageFilter.GaussianBlur(6))),
    "shaken": ("blurry", shaken),
    "enlarged": ("blurry", enlarged),
    "dark, a tenth": ("dark", brighter(0.1)),
    "dark, a quarter": ("dark", brighter(0.25)),
    "bright, 3 times": ("over-exposed", brighter(3)),
    "bright, 5 times": ("over-exposed", brighter(5)),
    "faded to white": ("over-exposed", faded("white", 0.8)),
    "faded to grey": ("one-colour", faded("#707070", 0.95)),
    "one colour": ("one-colour", faded("#5a8c3c", 1.0)),
    "a strip": ("odd-aspect", lambda image: image.resize((900, 300))),
}


def kinds_of(image: Image.Image) -> set[str]:
    """Return the defects noted of a picture that is saved as JPEG."""
    body = io.BytesIO()
    image.save(body, "JPEG", quality=85)
    return {kind for kind, _ in defects(wire_image(body.getvalue()))}
