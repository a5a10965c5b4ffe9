"""Find a JPEG's first picture, and decode it without libjpeg's leniency.

Phones put more behind the first picture: a second one, a gain map (Ultra HDR), a video (Motion
Photo). Some cameras leave out its end marker. And on damaged data libjpeg fills in what it cannot
read, counts a warning, and goes on: a photo whose line ends were converted comes out as garbage.
"""

import ctypes
import io
import re
from typing import Any, NamedTuple

from PIL import Image, ImageFile, JpegImagePlugin

__all__ = ["Picture", "first_picture", "strict"]

_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = 0xD8, 0xD9, 0xDA
_END = bytes((0xFF, _END_OF_IMAGE))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BARE = frozenset({0x01, _START_OF_IMAGE})  # markers without a length
_ALL_COEFFICIENTS = 2**64 - 1  # of a block, a bit for each

# The next marker. In a scan FF is data if 00 follows, and D0 to D7 are its own restart markers;
# FF before a marker is padding.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


class Picture(NamedTuple):
    """The first picture of a JPEG."""

    body: bytes  # a file of its own
    scans: int
    is_one_pass: bool  # else libjpeg holds all coefficients until the last scan


def first_picture(body: bytes) -> Picture:
    """Cut a JPEG behind its first picture.

    Thumbnails do not count, since the segments that hold them are skipped by their length. Where
    only the end marker is missing, it is added; whether the last scan is whole, decoding shows.
    """
    at = 2
    frames: list[tuple[int, bytes]] = []  # marker and segment
    scans: list[bytes] = []
    while marker := _MARKER.search(body, at):
        code, at = marker[1][0], marker.end()
        if code == _END_OF_IMAGE:
            body = body[:at]
            break
        if code in _BARE:
            continue
        end = at + max(2, int.from_bytes(body[at : at + 2], "big"))
        if code == _START_OF_SCAN:
            scans.append(body[at + 2 : end])
        elif code in _FRAMES:
            frames.append((code, body[at + 2 : end]))
        at = end
    else:
        if _is_complete(frames, scans):
            body += _END
    return Picture(body, len(scans), _is_one_pass(frames, scans))


def _is_one_pass(frames: list[tuple[int, bytes]], scans: list[bytes]) -> bool:
    """Return whether the first scan holds everything of all components, as libjpeg sees it."""
    if not frames or not scans:
        return False
    code, frame = frames[0]
    return code not in _PROGRESSIVE and scans[0][:1] == frame[5:6]  # numbers of components


def _is_complete(frames: list[tuple[int, bytes]], scans: list[bytes]) -> bool:
    """Return whether the scans hold each component's coefficients to the last bit."""
    if len(frames) != 1:
        return False
    ((code, frame),) = frames
    missing = dict.fromkeys(frame[6::3], _ALL_COEFFICIENTS)
    for scan in scans:
        count = scan[0] if scan else 0
        done = _ALL_COEFFICIENTS
        if code in _PROGRESSIVE:
            first, last, precision = scan[1 + 2 * count :].ljust(3, b"\xff")[:3]
            done = (2 << last) - (1 << first) if precision & 15 == 0 else 0
        for component in scan[1 : 1 + 2 * count : 2]:
            missing[component] = missing.get(component, 0) & ~done
    return not any(missing.values())


def strict(picture: bytes) -> JpegImagePlugin.JpegImageFile:
    """Open a JPEG that raises OSError when it is loaded, if libjpeg warns of its data.

    Raises
    ------
    SyntaxError, OSError, ValueError
        As Pillow does, for a broken header.
    """
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(picture))
    image.tile = [tile._replace(codec_name=_CODEC) for tile in image.tile]
    return image


class _StrictDecoder(ImageFile.PyDecoder):
    """Pillow's JPEG decoder, which fails if libjpeg has warned."""

    def init(self, args: tuple[Any, ...]) -> None:
        self._decoder = Image._getdecoder(self.mode, "jpeg", args)

    def setimage(self, im: Any, extents: tuple[int, int, int, int] | None = None) -> None:
        self._decoder.setimage(im, extents)

    def decode(self, buffer: Any) -> tuple[int, int]:
        consumed, error = self._decoder.decode(buffer)
        finished = consumed < 0 and error >= 0
        if finished and _warnings(self._decoder):
            error = _BROKEN_STREAM
        return consumed, error

    def cleanup(self) -> None:
        self._decoder.cleanup()


_CODEC = f"strict jpeg of {__name__}"  # Pillow's table of decoders is one for all copies of this
_BROKEN_STREAM = -2  # Pillow's error code: "broken data stream"
Image.register_decoder(_CODEC, _StrictDecoder)

# libjpeg counts its warnings, and Pillow has no way to ask for the count: JpegDecode.c ends with
# "if (jerr.pub.num_warnings) return BROKEN" in a comment. So the count is read where it lies: a
# decoder of our own choice would bring NumPy, 57 MB and a tenth of a second of each cold start.
# Offsets in bytes, on 64-bit Linux and macOS: of the context in Pillow's decoder (decode.c), of
# libjpeg's decompressor and its error manager in the context (Jpeg.h), and of the count in the
# error manager (jpeglib.h, num_warnings). The first field of a decompressor is the address of its
# error manager, by which the offsets are checked.
_DECODER_SIZE, _CONTEXT, _DECOMPRESSOR, _ERRORS, _COUNT = 144, 104, 16, 648, 128


def _warnings(decoder: Any) -> int:
    """Return how often libjpeg has warned in a decoder that has finished; 0 where unknown."""
    if type(decoder).__basicsize__ == _DECODER_SIZE:
        context = _address(id(decoder) + _CONTEXT)
        if _address(context + _DECOMPRESSOR) == context + _ERRORS:
            return ctypes.c_long.from_address(context + _ERRORS + _COUNT).value
    return 0  # another Pillow than the pinned one: as lenient as libjpeg


def _address(place: int) -> int:
    return ctypes.c_size_t.from_address(place).value
