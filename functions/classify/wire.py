r"""Encode one uint8 RGB image as a NumPy .npy file, version 1.0, without NumPy.

NumPy would cost the function 20 MB and a tenth of a second. The format:

    offset  bytes  content
         0      6  magic, 93 4E 55 4D 50 59 ("\x93NUMPY")
         6      2  version 1.0, as 01 00
         8      2  length of the header text, little-endian unsigned
        10      n  a Python dict literal in ASCII, padded with spaces, ended by a newline
      10+n         the pixels in C order: rows, then columns, then R, G, B

The pixels must start at a multiple of 64 bytes (numpy/lib/format.py; before NumPy
1.14 it was 16). The dict of a photo takes 62 to 66 characters, so the head is 128 bytes, or 80 by
the older rule. Both are valid; this one is byte for byte what ``numpy.save`` writes today.
"""

import struct

__all__ = ["CONTENT_TYPE", "encode"]

CONTENT_TYPE = "application/x-npy"

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT = 64  # bytes; where the pixels may start
_CHANNELS = 3


def encode(width: int, height: int, pixels: bytes) -> bytes:
    """Put a .npy header before the pixels.

    Parameters
    ----------
    width, height
        Size of the image in pixels.
    pixels
        ``height * width * 3`` bytes, row by row, R, G, B for each pixel.

    Returns
    -------
    bytes
        A .npy file that loads as uint8 of shape (height, width, 3).

    Raises
    ------
    ValueError
        The number of bytes does not match the size.
    """
    if len(pixels) != width * height * _CHANNELS:
        raise ValueError(
            f"{len(pixels)} bytes of pixels for {width} x {height} RGB, "
            f"expected {width * height * _CHANNELS}"
        )
    shape = (height, width, _CHANNELS)
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    unpadded = len(_MAGIC) + 2 + len(text) + 1  # 2: the length field; 1: the newline
    text += b" " * (-unpadded % _ALIGNMENT) + b"\n"
    return _MAGIC + struct.pack("<H", len(text)) + text + pixels
