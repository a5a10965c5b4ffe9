"""Decode untrusted bytes to a canonical photo: uint8 RGB, upright, at most 320 x 640 pixels.

Everything that is not a valid photo is refused here with a problem. Training decodes its photos by
the same rules in other code, with NumPy; tests/test_contract.py compares the two byte for byte.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

# Pillow loads all forty plugins when the one it needs is not loaded. So the three accepted formats
# are loaded here, and MPO: a phone's JPEG with a second picture in it.
from PIL import (
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from classify import limits
from common.problem import BadRequest, UnsupportedType

__all__ = ["CONTENT_TYPES", "Photo", "decode", "target_size"]

CONTENT_TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
SHORT_SIDE = 320  # pixels; above every default input size of the models
LONG_SIDE = 640  # pixels; a panorama stays below 640 x 320 x 3 = 614,400 bytes

_PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
Image.preinit()  # 15 ms, which the first Image.open would take otherwise
_FORMATS = tuple(CONTENT_TYPES.values())

# Other common formats, so that the refusal can name them: (offset, magic bytes, name).
_OTHER_FORMATS = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"%PDF", "PDF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
)

_ORIENTATION = 0x0112  # EXIF tag
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPED_SIDES = frozenset({5, 6, 7, 8})  # orientations that swap width and height

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_BROKEN_EXIF = (SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error)
# What Pillow raises on broken bytes: undocumented, found by fuzzing (test_photo.py).
_BROKEN = (*_BROKEN_EXIF, OSError, EOFError, AssertionError, zlib.error)


@dataclass(frozen=True, slots=True)
class Photo:
    """A canonical photo."""

    kind: str  # "JPEG", "PNG" or "WEBP": format of the bytes
    width: int  # pixels
    height: int  # pixels
    pixels: bytes  # height * width * 3, row by row, R, G, B


def target_size(width: int, height: int) -> tuple[int, int]:
    """Compute the size of a canonical photo.

    Parameters
    ----------
    width, height
        The photo's own size in pixels.

    Returns
    -------
    tuple of int
        Width and height in pixels: aspect kept, shorter side at most 320, longer at most 640,
        neither enlarged nor below 1.
    """
    scale = min(SHORT_SIDE / min(width, height), LONG_SIDE / max(width, height), 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def decode(body: bytes, declared: str | None = None) -> Photo:
    """Decode a photo to its canonical form.

    Parameters
    ----------
    body
        The received bytes.
    declared
        Their declared content type, a key of `CONTENT_TYPES`; None if there is none.

    Returns
    -------
    Photo
        uint8 RGB, upright, transparency on white, at most 320 (640) pixels a side.

    Raises
    ------
    BadRequest
        Empty, no photo, broken, or a JPEG of too many scans.
    TooLarge
        More bytes or more pixels than `limits` allows.
    UnsupportedType
        Not the declared type, or an unsupported one.
    """
    if not body:
        raise BadRequest("The body is empty; send the bytes of a JPEG, PNG or WebP photo.")
    limits.check_bytes(len(body))
    with warnings.catch_warnings():
        # Pillow warns of odd metadata, which is ignored, and of decompression bombs, which are
        # refused. (Not thread-safe; a Lambda environment has one request at a time.)
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(body), formats=_FORMATS) as image:
                kind = _kind(image, declared)
                limits.check_size(kind, *image.size, body)
                canonical = _canonical(image)
        except _BOMBS as error:
            raise limits.too_many_pixels() from error
        except UnidentifiedImageError as error:
            raise _no_photo(body) from error
        except _BROKEN as error:
            raise BadRequest(
                f"The {len(body):,} bytes begin like a photo and cannot be decoded: the file is "
                "truncated or broken, so save the photo again and send all of it."
            ) from error
    return Photo(kind, *canonical.size, canonical.tobytes())


def _kind(image: Image.Image, declared: str | None) -> str:
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    if declared is not None and CONTENT_TYPES[declared] != kind:
        raise UnsupportedType(
            f"The Content-Type says {declared} and the bytes are a {kind} file; "
            f"send them as image/{kind.lower()}."
        )
    return kind


def _no_photo(body: bytes) -> BadRequest | UnsupportedType:
    for offset, magic, name in _OTHER_FORMATS:
        if body.startswith(magic, offset):
            return UnsupportedType(
                f"The bytes are a {name} file, and JPEG, PNG and WebP are taken; "
                "convert the photo and send it again."
            )
    return BadRequest(
        f"The {len(body):,} bytes are no photo that can be read; send a JPEG, PNG or WebP file."
    )


def _canonical(image: Image.Image) -> Image.Image:
    target = target_size(*image.size)
    # A JPEG is decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still covers the target.
    image.draft(None, target)  # None: keep the colour mode
    orientation = _orientation(image)
    rgb = _to_rgb(image)
    image.close()  # otherwise a large PNG is held in memory twice
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    if orientation in _SWAPPED_SIDES:
        target = target[1], target[0]
    return rgb if rgb.size == target else rgb.resize(target, Image.Resampling.BICUBIC)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1  # editors often write broken EXIF; the photo itself can be intact
    return value if isinstance(value, int) else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion clips at 255, so most of a photo would be white.
        return image.convert("I").point(_high_byte).convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, "white")
        canvas.paste(rgba, mask=rgba)
        return canvas
    return image.convert("RGB")


def _high_byte(value: float) -> float:
    return value * (1 / 256)
