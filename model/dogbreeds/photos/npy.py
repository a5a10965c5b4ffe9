"""Read the wire's container: uint8 RGB as a .npy file, version 1.0, as numpy.save writes it.

One photo is (height, width, 3), several of one size are (count, height, width, 3).

The header is a Python literal in the body of an untrusted request. NumPy's own reader evaluates it
and allocates the size that it states; here it must match one pattern.
"""

import math
import re
import struct

import numpy as np
from numpy.typing import NDArray

from dogbreeds.photos.decode import PhotoError

CONTENT_TYPE = "application/x-npy"
MAX_SIDE = 8_192  # pixels; the wire itself has at most 640
MAX_COUNT = 64  # photos; a body could hold a million of one pixel, each of them a prediction

_MAGIC = b"\x93NUMPY\x01\x00"
_LENGTH = struct.Struct("<H")  # of the header's text, after the magic
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[^']{2,8})', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>[0-9, ]{0,60})\), \} *\n"
)
_CHANNELS = 3
_ONE, _SEVERAL = 3, 4  # dimensions


def read_npy(body: bytes) -> NDArray[np.uint8]:
    """Read one photo, or several of one size, from a .npy file, without copying their pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3) or (count, height, width, 3)
        RGB; read-only, a view of `body`.

    Raises
    ------
    PhotoError
        The bytes are no .npy, or not one uint8 array of these shapes in C order, or cut off.
    """
    text_at = len(_MAGIC) + _LENGTH.size
    header = None
    if body.startswith(_MAGIC) and len(body) >= text_at:
        pixels_at = text_at + _LENGTH.unpack_from(body, len(_MAGIC))[0]
        header = _HEADER.fullmatch(body[text_at:pixels_at])
    if header is None:
        raise PhotoError(
            f"The {len(body):,} bytes received are no .npy file of version 1.0; "
            "send what numpy.save writes for one photo."
        )
    shape = tuple(int(side) for side in header["shape"].replace(b" ", b"").split(b",") if side)
    if (
        header["dtype"] != b"|u1"
        or header["fortran"] == b"True"
        or len(shape) not in (_ONE, _SEVERAL)
        or shape[-1] != _CHANNELS
        or not all(0 < side <= MAX_SIDE for side in shape)
        or (len(shape) == _SEVERAL and shape[0] > MAX_COUNT)
    ):
        order = "Fortran" if header["fortran"] == b"True" else "C"
        raise PhotoError(
            f"The array received is {header['dtype'].decode(errors='replace')} of shape {shape} "
            f"in {order} order; expected |u1 (uint8) of (height, width, 3) in C order, "
            f"each side from 1 to {MAX_SIDE:,}, or of (count, height, width, 3) with a count "
            f"from 1 to {MAX_COUNT}."
        )
    expected, follow = math.prod(shape), len(body) - pixels_at
    if follow != expected:
        raise PhotoError(
            f"The header announces {expected:,} bytes of pixels and {follow:,} follow; "
            "send the file whole."
        )
    return np.frombuffer(body, np.uint8, offset=pixels_at).reshape(shape)
