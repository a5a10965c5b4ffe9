"""Limits of a photo: bytes, pixels and scans, all checked before a pixel is decoded.

    kind                           max pixels  why                                        peak, MB
    JPEG in one scan               50,000,000  `draft` decodes it at 1/8 of its scale           25
    JPEG in several scans          12,500,000  libjpeg holds all coefficients until the        113
    (progressive), or several                  last scan, 6 or 8 bytes a pixel
    pictures in one file
    PNG                            12,500,000  held whole, and once more for rotating it       160
                                               or for its transparency
    WebP                           12,500,000  held whole four times: two canvases and         255
                                               two copies

(Peak resident memory of a process that decodes the worst photo of the kind, 17 MB of it Python and
Pillow: x86-64, Pillow 13.0.0; tests/functions/classify/test_limits.py checks it.) Phones and
cameras write the first kind, and their 4032 x 3024 pixels fit in all of them.

A scan costs a pass over all coefficients, so scans are limited too: a "progressive bomb", a small
file with thousands of empty scans, would otherwise occupy a reserved execution for minutes.
"""

from common.problem import BadRequest, TooLarge

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MAX_PIXELS_WHOLE", "MAX_SCANS", "check_bytes", "check_size"]

MAX_BYTES = 4_500_000  # 6,000,000 in base64; Lambda accepts requests of 6 MiB
MAX_PIXELS = 50_000_000  # the largest phone photos; only where `draft` decodes at reduced scale
MAX_PIXELS_WHOLE = 12_500_000  # where the whole photo is held in memory
MAX_SCANS = 64  # libjpeg's progressive default has 10; 4.5 MB have room for 70,000

_REMEDY = "send it smaller: 320 pixels on its shorter side are enough"
_MARKER = 0xFF  # every marker of a JPEG is this and a second byte
_START_OF_SCAN = 0xDA
_BARE_MARKERS = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # without a length field


def check_bytes(received: int) -> None:
    """Refuse a photo of too many bytes.

    Raises
    ------
    TooLarge
        `received` is above `MAX_BYTES`.
    """
    if received > MAX_BYTES:
        raise TooLarge(
            f"The photo has {received:,} bytes and at most {MAX_BYTES:,} are taken; {_REMEDY}."
        )


def check_size(kind: str, width: int, height: int, body: bytes) -> None:
    """Refuse a photo of too many pixels or scans, as declared by its header.

    Parameters
    ----------
    kind
        "JPEG", "PNG" or "WEBP".
    width, height
        Pixels, as its header says.
    body
        The whole file, in which a JPEG's scans are counted.

    Raises
    ------
    TooLarge
        More pixels than its kind may have (the table above).
    BadRequest
        A JPEG of more than `MAX_SCANS` scans.
    """
    scans = count_scans(body) if kind == "JPEG" else 0
    if scans > MAX_SCANS:
        raise BadRequest(
            f"The JPEG has {scans:,} scans and at most {MAX_SCANS} are taken; "
            "save the photo again, as an ordinary JPEG."
        )
    limit = MAX_PIXELS if scans == 1 else MAX_PIXELS_WHOLE
    if width * height > limit:
        raise TooLarge(
            f"The photo has {width:,} x {height:,} pixels and at most {limit:,} in all are taken "
            f"of this kind; {_REMEDY}."
        )


def too_many_pixels() -> TooLarge:
    """Build the refusal of a photo that Pillow does not open because of its size."""
    return TooLarge(f"The photo has more pixels than the {MAX_PIXELS:,} taken; {_REMEDY}.")


def count_scans(body: bytes) -> int:
    """Count the scans of a JPEG, without decoding.

    Inside a scan FF is always followed by 00 or by a restart marker, so from the first scan on it
    is enough to count the marker. Before it segments are skipped by their length, because the
    thumbnail in an EXIF segment has scans of its own.

    Parameters
    ----------
    body
        The whole file.

    Returns
    -------
    int
        Scans from the first one to the end of the file, those of further pictures behind it (a
        phone's depth map) included; 0 if there is none.
    """
    offset = 2  # behind the start-of-image marker
    while 0 <= (offset := body.find(b"\xff", offset)) < len(body) - 3:
        marker = body[offset + 1]
        if marker == _START_OF_SCAN:
            return body.count(bytes((_MARKER, _START_OF_SCAN)), offset)
        if marker == _MARKER:  # padding
            offset += 1
        elif marker in _BARE_MARKERS:
            offset += 2
        else:
            offset += 2 + int.from_bytes(body[offset + 2 : offset + 4], "big")
    return 0
