"""Decode a photo to the wire format: uint8 RGB, aspect kept, shorter side at most 320 pixels.

    python -m dogbreeds.photos.decode dog.jpg        # prints the wire's shape, or why there is none

ClassifyFunction applies the same rules with its own code, and training and the
packages' smoke photos come through here, so the rules are written down once, in this order:

1. Open the bytes as JPEG, PNG or WebP, whatever their name or content type said; nothing else is
   tried. Of an animation, or of a phone's several-in-one JPEG, only the first picture is read.
2. Refuse more than ``MAX_PIXELS`` (width times height as stored), before any pixel is decoded.
3. From the size as stored: ``scale = min(320 / short, 640 / long, 1)``, and the target is
   ``max(1, round(side * scale))`` for each side (Python's ``round``, on floats).
4. ``draft(None, target)``: a JPEG is decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still
   covers the target on both sides. Other formats ignore this.
5. Turn upright as EXIF tag 0x0112 says (values 2 to 8; anything else, or EXIF that cannot be read,
   means upright already). Values 5 to 8 swap the target's sides too.
6. Bring to 8-bit RGB: 16-bit grey keeps its high byte (and loses its transparency, if any);
   whatever has transparency is converted to RGBA and composited on white; all else is
   ``convert("RGB")`` (CMYK as Pillow does it; colour profiles are not applied).
7. If the size differs from the target: one ``resize(target, BICUBIC)``, which in Pillow averages
   over the source's footprint (antialias). A photo is never enlarged.

Only Pillow and numpy are needed.
"""

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")
SHORT_SIDE = 320  # pixels; above every default input size, so a new backbone needs no new wire
LONG_SIDE = 640  # pixels; a panorama stays below 640 x 320 x 3 = 614,400 bytes
MAX_PIXELS = 50_000_000  # width x height; a 50-megapixel RGBA PNG decodes in about 450 MB

_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = (5, 6, 7, 8)

# Measured over 60,000 malformed files: what Pillow raises for bytes that are no sound picture.
_BROKEN = (OSError, ValueError, SyntaxError)
# Pillow's own limit lies above ours; its warning is an exception where warnings are errors.
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

LoadPhoto = Callable[[Path], Image.Image]  # `load_photo`, or a store of what it decoded


class PhotoError(ValueError):
    """A photo that no model should see; the message is one sentence for the person who sent it."""


def target_size(width: int, height: int) -> tuple[int, int]:
    """Size of the wire for a photo of `width` x `height` pixels.

    Returns
    -------
    tuple of int
        Width and height in pixels: aspect kept, shorter side at most 320, longer at most 640,
        neither larger than it was nor below 1.
    """
    scale = min(SHORT_SIDE / min(width, height), LONG_SIDE / max(width, height), 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def wire_image(body: bytes) -> Image.Image:
    """Decode `body` to the wire, as a Pillow image of mode RGB.

    Raises
    ------
    PhotoError
        The bytes are no JPEG, PNG or WebP, are broken, or hold more than ``MAX_PIXELS``.
    """
    if not body:
        raise PhotoError("The body is empty; send the bytes of a JPEG, PNG or WebP photo.")
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise PhotoError(_too_large(f"{width:,} x {height:,}"))
            return _to_wire(image)
    except PhotoError:
        raise
    except _BOMB as error:
        raise PhotoError(_too_large("too many")) from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"The {len(body):,} bytes received are no JPEG, PNG or WebP photo; send one of these."
        ) from error
    except _BROKEN as error:
        raise PhotoError(
            f"The {len(body):,} bytes received begin like a photo, but cannot be decoded; "
            "they may be truncated, so save the photo again and send it whole."
        ) from error


def load_photo(path: Path) -> Image.Image:
    """Read and decode a file to the wire, as a Pillow image of mode RGB.

    Training, audit, evaluation and packaging read every photo through this function, or through
    `store.PhotoStore`, which decodes with it.

    Raises
    ------
    PhotoError
        See `wire_image`; the message begins with the file's name.
    OSError
        The file cannot be opened.
    """
    try:
        return wire_image(path.read_bytes())
    except PhotoError as error:
        raise PhotoError(f"{path.name}: {error}") from error


def wire_array(body: bytes) -> NDArray[np.uint8]:
    """Decode `body` to the wire, as an array.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB, 0 to 255.

    Raises
    ------
    PhotoError
        See `wire_image`.
    """
    return np.asarray(wire_image(body), dtype=np.uint8)


def _to_wire(image: Image.Image) -> Image.Image:
    target = target_size(*image.size)
    image.draft(None, target)  # None keeps the colour mode
    orientation = _orientation(image)
    if orientation in _SWAPS_SIDES:
        target = target[1], target[0]
    upright = image.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else image
    rgb = _to_rgb(upright)
    return rgb if rgb.size == target else rgb.resize(target, Image.Resampling.BICUBIC)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion to L clips at 255
        high_byte = image.convert("I").point(lambda value: value * (1 / 256))
        return high_byte.convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, "white")
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return 1  # broken EXIF is common (editors cut it) and no reason to refuse a sound photo
    return value if isinstance(value, int) else 1


def _too_large(received: str) -> str:
    return (
        f"The photo has {received} pixels, and at most {MAX_PIXELS:,} in all are decoded; "
        "send it smaller (320 pixels on the shorter side are enough)."
    )


def main() -> None:
    """Print the wire's shape for the photo named on the command line."""
    if len(sys.argv) != 2:  # noqa: PLR2004  # the script and its one argument
        raise SystemExit("usage: python -m dogbreeds.photos.decode PHOTO")
    try:
        wire = load_photo(Path(sys.argv[1]))
    except (PhotoError, OSError) as error:
        raise SystemExit(str(error)) from error
    print(f"{wire.width} x {wire.height} RGB, {wire.width * wire.height * 3:,} bytes")


if __name__ == "__main__":
    main()
