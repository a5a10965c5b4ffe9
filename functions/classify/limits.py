"""What a photo may cost us: bytes, pixels and scans, all known before a pixel is decoded.

    kind                          most pixels  why                                        peak, MB
    JPEG in one scan               50,000,000  `draft` decodes it at 1/8 of its scale           25
    JPEG in several scans          12,500,000  libjpeg holds all coefficients until the        113
    (progressive), or several                  last scan, 6 or 8 bytes a pixel
    pictures in one file
    PNG                            12,500,000  held whole, and once more for turning it        160
                                               upright or for its transparency
    WebP                           12,500,000  held whole four times: two canvases and         255
                                               two copies

(Peak resident memory of a process that decodes the worst photo of the kind, 17 MB of it Python and
Pillow: x86-64, Pillow 13.0.0; tests/functions/classify/test_limits.py makes the photos and holds
the bounds.) Phones and cameras write the first kind, and their 4032 x 3024 fits in all of them.

A scan costs a pass over all coefficients, so scans are bounded too: a "progressive bomb", small
bytes and thousands of empty scans, would otherwise hold one of the few reserved executions for
minutes.
"""

from common.problem import BadRequest, TooLarge

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MAX_PIXELS_WHOLE", "MAX_SCANS", "check_bytes", "check_size"]

MAX_BYTES = 4_500_000  # Lambda takes 6 MiB of request; base64 makes 6,000,000 of this
MAX_PIXELS = 50_000_000  # what the largest phones take; only where `draft` can shrink it
MAX_PIXELS_WHOLE = 12_500_000  # where the whole photo must be held; 12 megapixels pass
MAX_SCANS = 64  # libjpeg's own progressive script has 10; 4.5 MB have room for 70,000

_REMEDY = "send it smaller: 320 pixels on its shorter side are enough"
_MARKER = 0xFF  # every marker of a JPEG is this and a second byte
_START_OF_SCAN = 0xDA
_BARE_MARKERS = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # no length follows these


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
    """Refuse a photo whose header promises more work than we do for a stranger.

    Parameters
    ----------
    kind
        "JPEG", "PNG" or "WEBP".
    width, height
        Pixels, as its header says.
    body
        The whole file; read for a JPEG's scans.

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
            f"The JPEG comes in {scans:,} scans and at most {MAX_SCANS} are taken; "
            "save the photo anew, as an ordinary JPEG."
        )
    most = MAX_PIXELS if scans == 1 else MAX_PIXELS_WHOLE
    if width * height > most:
        raise TooLarge(
            f"The photo has {width:,} x {height:,} pixels and at most {most:,} in all are taken "
            f"of this kind; {_REMEDY}."
        )


def too_many_pixels() -> TooLarge:
    """Build the refusal for a photo so large that Pillow would not even tell its size."""
    return TooLarge(f"The photo has more pixels than the {MAX_PIXELS:,} taken; {_REMEDY}.")


def count_scans(body: bytes) -> int:
    """Count the scans of a JPEG, without decoding.

    Inside a scan FF is always followed by 00 or by a restart marker, so from the first scan on it
    is enough to look for the marker. The way there goes from segment to segment, since the
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
    at = 2  # behind the start-of-image marker
    while 0 <= (at := body.find(b"\xff", at)) < len(body) - 3:
        marker = body[at + 1]
        if marker == _START_OF_SCAN:
            return body.count(bytes((_MARKER, _START_OF_SCAN)), at)
        if marker == _MARKER:  # padding
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return 0
