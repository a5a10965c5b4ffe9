"""Make a photo smaller that the API would refuse for its bytes or pixels."""

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator

from PIL import Image, ImageOps

MAX_BYTES = 4_500_000  # what the API takes
MAX_PIXELS = 50_000_000  # what the API takes of any kind of photo
SHRINK_TO = 1600  # pixels on the longer side; the model needs 320 on the shorter one
QUALITY = 90  # of the JPEG

#: Pillow warns beyond it, and refuses twice as many: the largest of phones, 16320 x 12240.
_PILLOWS_MAX_PIXELS = 100_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
_BROKEN_EXIF = (SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error)
# What Pillow raises on broken bytes: undocumented.
_BROKEN = (
    *_BROKEN_EXIF,
    OSError,
    EOFError,
    AssertionError,
    MemoryError,
    zlib.error,
    Image.DecompressionBombError,
)


class CannotShrink(ValueError):  # noqa: N818 - it reads as what happened
    """These bytes cannot be made a smaller photo; the message says why."""


def exceeds_limits(photo: bytes) -> bool:
    """Return whether the API could refuse it for its size; broken bytes it refuses otherwise."""
    if len(photo) > MAX_BYTES:
        return True
    try:
        with _opened(photo) as image:
            return image.width * image.height > MAX_PIXELS
    except _BROKEN:
        return False


def shrink(photo: bytes) -> bytes:
    """Return it as a JPEG of at most `SHRINK_TO` pixels a side: upright, transparency on white.

    Raises
    ------
    CannotShrink
        If Pillow cannot decode the bytes as JPEG, PNG or WebP.
    """
    try:
        with _opened(photo) as image:
            scale = min(1.0, SHRINK_TO / max(image.size))
            size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
            image.draft(None, size)  # a JPEG is decoded at the nearest 1/1, 1/2, 1/4 or 1/8
            small = _rgb(image).resize(size, Image.Resampling.BICUBIC)
            small.info = image.info  # with its orientation
            with contextlib.suppress(*_BROKEN_EXIF):  # which the API ignores, too
                small = ImageOps.exif_transpose(small)
    except _BROKEN as error:
        raise CannotShrink(
            f"it has {len(photo):,} bytes, and cannot be opened as JPEG, PNG or WebP to make it "
            f"smaller ({error})"
        ) from error
    made = io.BytesIO()
    small.save(made, "JPEG", quality=QUALITY)
    return made.getvalue()


@contextlib.contextmanager
def _opened(photo: bytes) -> Iterator[Image.Image]:
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = _PILLOWS_MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            with Image.open(io.BytesIO(photo), formats=_FORMATS) as image:
                yield image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _rgb(image: Image.Image) -> Image.Image:
    """Convert as the API does: 16-bit grey by its high byte, transparency on white."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, "white")
        canvas.paste(rgba, mask=rgba)
        return canvas
    return image.convert("RGB")
