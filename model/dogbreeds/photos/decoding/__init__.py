"""Decode the bytes of a photo to the wire: RGB, upright, shorter side at most 320 pixels.

The API and training see the same pixels, and refuse the same files in the same words, because both
have this folder: `functions/classify/decoding` and `model/dogbreeds/photos/decoding` are copies
(tests/test_contract.py compares them), since neither may import the other. The rules, in order:

1. The bytes decide what they are: JPEG, PNG or WebP, whatever a name or a content type says.
2. Only what pixels and orientation need is read (`jpeg`, `png`, `webp`): the first picture of a
   file, and no other metadata, however large.
3. More pixels, or scans, than `limits` allows are refused before any pixel is decoded.
4. From the size as stored: ``scale = min(320 / short, 640 / long, 1)``, and the target is
   ``max(1, round(side * scale))`` for each side (Python's ``round``, on floats).
5. ``draft(None, target)``: a JPEG is decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still
   covers the target on both sides. Other formats ignore this.
6. A damaged photo is refused: where data is missing, where a PNG's checksum is wrong, or where
   libjpeg warns.
7. To 8-bit RGB: 16-bit grey keeps its high byte (and loses its transparency, if any); whatever has
   transparency is composited on white; all else is ``convert("RGB")`` (CMYK as Pillow does it;
   colour profiles are not applied).
8. Upright, as EXIF tag 0x0112 says (values 2 to 8; anything else, or EXIF that cannot be read,
   means upright already). Values 5 to 8 swap the target's sides too.
9. If the size differs from the target: one ``resize(target, BICUBIC)``, which in Pillow averages
   over the source's footprint (antialias). A photo is never enlarged.

Only Pillow is needed.
"""

import io
import struct
import zlib

from PIL import Image, ImageFile, PngImagePlugin, WebPImagePlugin

from . import formats, jpeg, limits, png, webp

__all__ = [
    "LONG_SIDE",
    "SHORT_SIDE",
    "ForeignFormat",
    "PhotoError",
    "TooLarge",
    "decode",
    "to_wire",
]

SHORT_SIDE = 320  # pixels; above every default input size of the models
LONG_SIDE = 640  # pixels; a panorama stays below 640 x 320 x 3 = 614,400 bytes

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

_BROKEN_EXIF = (SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error)
# What Pillow raises on broken bytes: undocumented, found by fuzzing (test_photo.py).
_BROKEN = (*_BROKEN_EXIF, OSError, EOFError, AssertionError, zlib.error)


class PhotoError(ValueError):
    """A photo that no model should see; the message is one sentence for the person who sent it."""


class ForeignFormat(PhotoError):  # noqa: N818  # named after what was found
    """The bytes are of a known format that is not decoded."""


class TooLarge(PhotoError):  # noqa: N818
    """The photo has more pixels than its kind may have."""


def target_size(width: int, height: int) -> tuple[int, int]:
    """Compute the wire's size for a photo of `width` x `height` pixels.

    Returns
    -------
    tuple of int
        Width and height in pixels: aspect kept, shorter side at most 320, longer at most 640,
        neither enlarged nor below 1.
    """
    scale = min(SHORT_SIDE / min(width, height), LONG_SIDE / max(width, height), 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def decode(body: bytes) -> tuple[str, Image.Image]:
    """Decode untrusted bytes.

    Parameters
    ----------
    body
        The whole file.

    Returns
    -------
    tuple of str and Image
        The format of the bytes ("JPEG", "PNG" or "WEBP"), and the photo as the wire has it: RGB,
        upright, transparency on white, at most 320 (640) pixels a side.

    Raises
    ------
    ForeignFormat
        The bytes are of a known format that is not decoded.
    TooLarge
        More pixels than `limits` allows.
    PhotoError
        Empty, no photo, broken, or a JPEG of too many scans.
    """
    if not body:
        raise PhotoError("The body is empty; send the bytes of a JPEG, PNG or WebP photo.")
    kind = formats.accepted(body)
    if kind is None:
        raise _no_photo(body)
    try:
        image, most = _open(kind, body)
        width, height = image.size
        if width * height > most:
            raise _too_large(f"{width:,} x {height:,}", most)
        return kind, to_wire(image)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, far above these
        raise _too_large("too many", limits.MAX_PIXELS_WHOLE) from error
    except _BROKEN as error:
        raise PhotoError(
            f"The {len(body):,} bytes received begin like a photo, but cannot be decoded; they are "
            "truncated or broken, or were changed on the way (curl sends a file unchanged with "
            "--data-binary), so save the photo again and send all of it."
        ) from error


def _open(kind: str, body: bytes) -> tuple[ImageFile.ImageFile, int]:
    """Read a photo's header; return it with the pixels that it may have."""
    if kind == "JPEG":
        picture = jpeg.first_picture(body)
        if picture.scans > limits.MAX_SCANS:
            raise PhotoError(
                f"The JPEG has {picture.scans:,} scans, and at most {limits.MAX_SCANS} are "
                "decoded; save the photo again, as an ordinary JPEG."
            )
        most = limits.MAX_PIXELS_REDUCED
        if not picture.is_one_pass:
            most = min(limits.MAX_PIXELS_SCANS, limits.MAX_SCANNED_PIXELS // max(1, picture.scans))
        return jpeg.strict(picture.body), most
    if kind == "PNG":
        chunks = io.BytesIO(png.pixels_only(body))
        return PngImagePlugin.PngImageFile(chunks), limits.MAX_PIXELS_WHOLE
    frame = io.BytesIO(webp.first_picture(body))
    return WebPImagePlugin.WebPImageFile(frame), limits.MAX_PIXELS_WHOLE


def _no_photo(body: bytes) -> PhotoError:
    if name := formats.foreign(body):
        return ForeignFormat(
            f"The bytes are {name} file, and only JPEG, PNG and WebP are decoded; "
            "convert the photo and send it again."
        )
    if body.startswith("\N{REPLACEMENT CHARACTER}".encode()):
        return PhotoError(
            f"The {len(body):,} bytes received were read as text on their way, which replaced most "
            "of them; send the photo's own bytes."
        )
    return PhotoError(
        f"The {len(body):,} bytes received are no JPEG, PNG or WebP photo; send one of these."
    )


def _too_large(received: str, most: int) -> TooLarge:
    return TooLarge(
        f"The photo has {received} pixels, and at most {most:,} in all are decoded of its kind; "
        "send it smaller (320 pixels on the shorter side are enough)."
    )


def to_wire(image: Image.Image) -> Image.Image:
    """Convert an opened image by the rules 4 to 9; the result does not need it to stay open."""
    target = target_size(*image.size)
    image.draft(None, target)  # None keeps the colour mode
    orientation = _orientation(image)
    rgb = _to_rgb(image)
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    if orientation in _SWAPPED_SIDES:
        target = target[1], target[0]
    if rgb.size != target:
        return rgb.resize(target, Image.Resampling.BICUBIC)
    return rgb.copy() if image.format == "WEBP" else rgb  # else its decoder would stay in memory


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1  # editors often write broken EXIF; the photo itself can be intact
    return value if isinstance(value, int) else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB; a large photo is held once on the way, so `image` may be closed."""
    if image.mode.startswith("I"):  # 16-bit grey, of which Pillow would clip all above 255
        return image.convert("I").point(_high_byte).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image.close()
        canvas = Image.new("RGB", rgba.size, "white")
        canvas.paste(rgba, mask=rgba)
        return canvas
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _high_byte(value: float) -> float:
    return value * (1 / 256)
