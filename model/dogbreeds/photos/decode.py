"""Decode a photo to the wire format: uint8 RGB, aspect kept, shorter side at most 320 pixels.

    python -m dogbreeds.photos.decode dog.jpg        # prints the wire's shape, or why there is none

`decoding` has the rules, which are ClassifyFunction's too. Only Pillow and numpy are needed.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.photos.decoding import LONG_SIDE, SHORT_SIDE, PhotoError, decode, target_size

__all__ = [
    "LONG_SIDE",
    "SHORT_SIDE",
    "LoadPhoto",
    "PhotoError",
    "load_photo",
    "target_size",
    "wire_array",
    "wire_image",
]

LoadPhoto = Callable[[Path], Image.Image]  # `load_photo`, or a store of what it decoded


def wire_image(body: bytes) -> Image.Image:
    """Decode `body` to the wire, as a Pillow image of mode RGB.

    Raises
    ------
    PhotoError
        The bytes are no JPEG, PNG or WebP, are broken, or hold too many pixels.
    """
    return decode(body)[1]


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
