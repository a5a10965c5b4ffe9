"""Tell a file's format by its first bytes, and name those that are not decoded."""

import re

__all__ = ["accepted", "foreign"]

_ACCEPTED = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG")),  # the rest of its signature tells of converted line ends
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)

# Other formats that people send, so that the refusal can name them.
_FOREIGN = tuple(
    (name, re.compile(magic, re.DOTALL))
    for name, magic in (
        ("a GIF", rb"GIF8[79]a"),
        ("a BMP", rb"BM.{,24}?\0"),  # a text has no zero
        ("a TIFF", rb"II[*+]\0|MM\0[*+]"),  # raw formats (DNG, NEF, ARW) too
        ("a JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
        ("a JPEG 2000", rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
        ("a JPEG XR", rb"II\xbc[\0\x01]"),
        ("a PSD", rb"8BPS"),
        ("an ICO", rb"\0\0\x01\0"),
        ("an SVG", rb"(\xef\xbb\xbf)?\s*(<\?xml.{0,999}?|<!--.{0,999}?)?<svg\b"),
        ("a PDF", rb"%PDF"),
        ("a ZIP", rb"PK\x03\x04"),
        ("a WebM or Matroska", rb"\x1a\x45\xdf\xa3"),
        ("an AVI", rb"RIFF....AVI "),
    )
)

# ISO base media files name their contents by brands: one is the major brand, and the compatible
# ones follow. A picture's container (mif1, msf1, miaf) has HEVC inside unless they say AV1.
_BRANDS = (
    ("an AVIF", {b"avif", b"avis", b"avio"}),
    (
        "a HEIC",
        {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
        | {b"mif1", b"mif2", b"msf1", b"miaf", b"heif"},
    ),
    ("a Canon raw (CR3)", {b"crx "}),
    ("a QuickTime", {b"qt  "}),
)


def accepted(body: bytes) -> str | None:
    """Return "JPEG", "PNG" or "WEBP" if the bytes begin like one."""
    return next((kind for kind, magic in _ACCEPTED if magic.match(body)), None)


def foreign(body: bytes) -> str | None:
    """Name a format that is not decoded, with its article ("an AVIF"); None if it is unknown."""
    if body[4:8] == b"ftyp":
        size = int.from_bytes(body[:4], "big")
        brands = {body[8:12], *(body[at : at + 4] for at in range(16, min(size, 512), 4))}
        return next((name for name, known in _BRANDS if known & brands), "an MP4")
    return next((name for name, magic in _FOREIGN if magic.match(body)), None)
