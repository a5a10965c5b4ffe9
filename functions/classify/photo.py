"""Decode untrusted bytes to a canonical photo: uint8 RGB, upright, at most 320 x 640 pixels.

Everything that is not a sound photo is refused here with a problem. `decoding` has the rules, which
are training's too.
"""

import warnings
from dataclasses import dataclass

from classify import decoding
from common.problem import BadRequest, TooLarge, UnsupportedType

__all__ = ["Photo", "decode"]


@dataclass(frozen=True, slots=True)
class Photo:
    """A canonical photo."""

    kind: str  # "JPEG", "PNG" or "WEBP": format of the bytes
    width: int  # pixels
    height: int  # pixels
    pixels: bytes  # height * width * 3, row by row, R, G, B


def decode(body: bytes) -> Photo:
    """Decode a photo to its canonical form.

    Parameters
    ----------
    body
        The received bytes.

    Returns
    -------
    Photo
        uint8 RGB, upright, transparency on white, at most 320 (640) pixels a side.

    Raises
    ------
    BadRequest
        Empty, no photo, broken, or a JPEG of too many scans.
    TooLarge
        More pixels than its kind may have.
    UnsupportedType
        Another format, which the problem names.
    """
    with warnings.catch_warnings():
        # Pillow warns of odd metadata, which is ignored. (Not thread-safe; a Lambda environment has
        # one request at a time.)
        warnings.simplefilter("ignore")
        try:
            kind, image = decoding.decode(body)
        except decoding.TooLarge as error:
            raise TooLarge(str(error), reason="pixels") from error
        except decoding.ForeignFormat as error:
            raise UnsupportedType(str(error), reason="format") from error
        except decoding.PhotoError as error:
            raise BadRequest(str(error), reason="photo") from error
    return Photo(kind, *image.size, image.tobytes())
