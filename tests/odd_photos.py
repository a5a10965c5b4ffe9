"""One table of odd files, made here, each with the photo that it shows or why it is refused.

tests/test_contract.py sends every file through serving's and training's intake.
"""

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PIL import Image

from tests.functions.classify.photos import encoded, gradient

TURNED = Image.Exif()
TURNED[0x0112] = 6
FLAT = Image.new("RGB", (64, 48), (200, 30, 60))


@dataclass(frozen=True)
class Odd:
    """A file and what both sides must make of it."""

    name: str
    make: Callable[[], bytes]
    like: Callable[[], bytes] | None = None  # an ordinary file that shows the same
    refused: str = ""  # a part of the sentence, where it is refused


# ---------------------------------------------------------------- JPEG


def noise(width: int = 320, height: int = 240) -> Image.Image:
    """Return a picture that is the same in every run, and has every byte value in its file."""
    bits = random.Random(5).randbytes(width * height // 64 * 3)  # noqa: S311  # no secret
    small = Image.frombytes("RGB", (width // 8, height // 8), bits)
    return small.resize((width, height), Image.Resampling.BICUBIC)


def baseline() -> bytes:
    return encoded(noise(), "JPEG", quality=92)


def progressive() -> bytes:
    return encoded(noise(), "JPEG", quality=92, progressive=True)


def restarting() -> bytes:
    return encoded(noise(), "JPEG", quality=92, restart_marker_blocks=4)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def with_segments(photo: bytes, *segments: bytes) -> bytes:
    return photo[:2] + b"".join(segments) + photo[2:]


def in_scan(photo: bytes, share: float) -> int:
    """Return the place of a byte in the last scan's data, clear of its FF."""
    start = photo.rindex(b"\xff\xda") + 20
    place = start + int((len(photo) - 2 - start) * share)
    while 0xFF in photo[place - 1 : place + 2]:
        place += 1
    return place


def without_bytes(photo: bytes, share: float, count: int = 600) -> bytes:
    place = in_scan(photo, share)
    return photo[:place] + photo[place + count :]


def in_first_scan(photo: bytes) -> bytes:
    """Lose bytes of the first scan, which gives a progressive JPEG's large shapes."""
    place = photo.index(b"\xff\xda") + 60
    return photo[:place] + photo[place + 600 :]


def harmed(harm: Callable[[bytes], bytes], make: Callable[[], bytes]) -> bytes:
    return harm(make())


def swapped_restarts(photo: bytes) -> bytes:
    return (
        photo.replace(b"\xff\xd1", b"\xff\x01")
        .replace(b"\xff\xd2", b"\xff\xd1")
        .replace(b"\xff\x01", b"\xff\xd2")
    )


def gain_map() -> bytes:
    """Return what a phone writes as Ultra HDR: a progressive second picture behind the first."""
    second = encoded(gradient(40, 30), "JPEG", progressive=True)
    return baseline() + second * 14  # their scans together are above the limit


def mpo() -> bytes:
    return encoded(noise(), "MPO", save_all=True, append_images=[gradient(90, 60)], quality=92)


def motion_photo() -> bytes:
    video = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\xff\xda\xff\xd8\xff\xd9" * 900
    return baseline() + video


JPEG_TOO_MANY_SCANS = "has 70,009 scans, and at most 64 are decoded"


def scan_bomb() -> bytes:
    photo = encoded(FLAT, "JPEG", progressive=True)
    last = photo.rindex(b"\xff\xda")
    return photo[:last] + photo[last:-2] * 70_000 + photo[-2:]


BROKEN = "begin like a photo, but cannot be decoded"

JPEGS = (
    Odd("a gain map behind it", gain_map, baseline),
    Odd("a video behind it", motion_photo, baseline),
    Odd("a second picture", mpo, baseline),
    Odd("zeros behind it", lambda: baseline() + bytes(5000), baseline),
    Odd("50,135,040 pixels", lambda: encoded(Image.new("L", (8160, 6144), 90), "JPEG")),
    Odd("108 megapixels", lambda: encoded(Image.new("L", (12_000, 9_000), 90), "JPEG")),
    Odd(
        "24 megapixels, progressive",
        lambda: encoded(Image.new("L", (6000, 4000), 90), "JPEG", progressive=True),
    ),
    Odd(
        "a thumbnail",
        lambda: with_segments(baseline(), segment(0xE1, b"Exif\0\0" + progressive()[:60_000])),
        baseline,
    ),
    Odd(
        "4 MB of metadata",
        lambda: with_segments(baseline(), *[segment(0xED, bytes(65_000))] * 60),
        baseline,
    ),
    Odd("no end marker", lambda: baseline()[:-2], baseline),
    Odd("half an end marker", lambda: baseline()[:-1], baseline),
    Odd("no end marker, progressive", lambda: progressive()[:-2], progressive),
    Odd("no end marker, restarting", lambda: restarting()[:-2], restarting),
    Odd(
        "a scan missing", lambda: progressive()[: progressive().rindex(b"\xff\xda")], refused=BROKEN
    ),
    Odd("many scans", scan_bomb, refused=JPEG_TOO_MANY_SCANS),
    Odd(
        "a bomb",
        lambda: encoded(FLAT, "JPEG").replace(b"\x08\0\x30\0\x40", b"\x08\xff\xff\xff\xff"),
        refused="65,535 x 65,535 pixels, and at most",
    ),
    *(
        Odd(f"{damage}, {kind}", partial(harmed, harm, make), refused=BROKEN)
        for kind, make in (
            ("baseline", baseline),
            ("progressive", progressive),
            ("restarting", restarting),
        )
        for damage, harm in (
            ("line ends converted", lambda photo: photo.replace(b"\n", b"\r\n")),
            ("line feeds lost", lambda photo: photo.replace(b"\n", b"").replace(b"\r", b"")),
            ("7 bits", lambda photo: photo[:3] + bytes(byte & 127 for byte in photo[3:])),
            ("half of it", lambda photo: photo[: len(photo) // 2]),
            ("the last bytes lost", lambda photo: photo[:-40]),
            ("bytes lost early", lambda photo: without_bytes(photo, 0.1)),
            ("bytes lost late", lambda photo: without_bytes(photo, 0.8)),
            ("bytes lost in the first scan", in_first_scan),
            ("bytes put in", lambda photo: photo[:-2] + b"\x55" * 50 + photo[-2:]),
            ("a hole of zeros", lambda photo: photo[:5000] + bytes(9000) + photo[14_000:]),
        )
    ),
    Odd(
        "read as text",
        lambda: baseline().decode("utf-8", "replace").encode(),
        refused="were read as text on their way",
    ),
    Odd("restart markers swapped", lambda: swapped_restarts(restarting()), refused=BROKEN),
    Odd("a restart marker lost", lambda: restarting().replace(b"\xff\xd3", b"", 1), refused=BROKEN),
)

# ---------------------------------------------------------------- PNG


def chunk(kind: bytes, content: bytes, *, wrong: bool = False) -> bytes:
    checksum = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(**options: object) -> bytes:
    return encoded(gradient(90, 60), "PNG", **options)


def with_chunk(extra: bytes, photo: bytes | None = None) -> bytes:
    """Put a chunk behind the header."""
    photo = photo or png()
    return photo[:33] + extra + photo[33:]


def with_wrong_checksum(photo: bytes, kind: bytes) -> bytes:
    place = photo.index(kind) - 4
    end = place + 12 + int.from_bytes(photo[place : place + 4], "big")
    return photo[: end - 1] + bytes((photo[end - 1] ^ 1,)) + photo[end:]


def of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header promises a size."""
    header = struct.pack(">II", width, height) + png()[24:29]
    return png()[:8] + chunk(b"IHDR", header) + png()[33:]


CLEAR = Image.new("P", (90, 60), 0)


TEXT = random.Random(6).randbytes(1_200_000)  # noqa: S311  # no secret
BOMB = zlib.compress(bytes(64_000_000), 1)

PNGS = (
    Odd(
        "1.2 MB of compressed text",
        lambda: with_chunk(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_200_000)))),
        png,
    ),
    Odd("1.2 MB of text", lambda: with_chunk(chunk(b"tEXt", b"a\0" + TEXT)), png),
    Odd(
        "1.2 MB of XMP",
        lambda: with_chunk(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + TEXT)),
        png,
    ),
    Odd(
        "1.2 MB of compressed XMP",
        lambda: with_chunk(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(TEXT))),
        png,
    ),
    Odd("a text bomb", lambda: with_chunk(chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)), png),
    Odd("a bomb of a colour profile", lambda: with_chunk(chunk(b"iCCP", b"a\0\0" + BOMB)), png),
    Odd(
        "a large colour profile",
        lambda: with_chunk(chunk(b"iCCP", b"a\0\0" + zlib.compress(TEXT))),
        png,
    ),
    Odd("a broken colour profile", lambda: with_chunk(chunk(b"iCCP", b"nothing")), png),
    Odd("a wrong checksum of text", lambda: with_chunk(chunk(b"tEXt", b"a\0b", wrong=True)), png),
    Odd("a wrong checksum of gamma", lambda: with_chunk(chunk(b"gAMA", bytes(4), wrong=True)), png),
    Odd(
        "a wrong checksum of EXIF",
        lambda: with_wrong_checksum(png(exif=TURNED.tobytes()), b"eXIf"),
        png,
    ),
    Odd(
        "a wrong checksum of transparency",
        lambda: with_wrong_checksum(encoded(CLEAR, "PNG", transparency=0), b"tRNS"),
        lambda: encoded(CLEAR, "PNG"),
    ),
    Odd("an unknown chunk", lambda: with_chunk(chunk(b"vpAg", bytes(99))), png),
    Odd(
        "EXIF behind the pixels",
        lambda: png()[:-12] + chunk(b"eXIf", TURNED.tobytes()[6:]) + png()[-12:],
        lambda: png(exif=TURNED.tobytes()),
    ),
    Odd("no end chunk", lambda: png()[:-12], png),
    Odd("a file behind it", lambda: png() + baseline(), png),
    *(
        Odd(
            f"a wrong checksum of {kind.decode()}",
            partial(with_wrong_checksum, encoded(CLEAR, "PNG"), kind),
            refused=BROKEN,
        )
        for kind in (b"IHDR", b"PLTE", b"IDAT")
    ),
    Odd("half of it", lambda: encoded(noise(), "PNG")[:9000], refused=BROKEN),
    Odd("line ends converted", lambda: png().replace(b"\n", b"\r\n"), refused=BROKEN),
    Odd(
        "a bomb of 108 megapixels", lambda: of_size(12_000, 9_000), refused="12,000 x 9,000 pixels"
    ),
    Odd("a bomb of 400 megapixels", lambda: of_size(20_000, 20_000), refused="pixels, and at most"),
)

# ---------------------------------------------------------------- WebP, and what is no photo


def webp(**options: object) -> bytes:
    return encoded(gradient(90, 60), "WEBP", lossless=True, **options)


def webp_of_size(width: int, height: int) -> bytes:
    """Return an extended WebP whose header promises a size."""
    head = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(head)) + head + webp()[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animation(width: int = 90, height: int = 60) -> bytes:
    """Return an animated WebP of two frames of 90 x 60, on a canvas of this size."""
    body = bytearray(webp(save_all=True, append_images=[noise().resize((90, 60))]))
    at = body.index(b"VP8X") + 8 + 4
    body[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(body)


WEBPS = (
    Odd("an animation", animation, webp),
    Odd("an animation on a huge canvas", lambda: animation(16_000, 3_000), webp),
    Odd("an animation on a canvas beyond the limit", lambda: animation(16_000, 16_000), webp),
    Odd("a large profile", lambda: webp(icc_profile=TEXT), webp),
    Odd("a file behind it", lambda: webp() + baseline(), webp),
    Odd("half of it", lambda: encoded(noise(), "WEBP")[:2000], refused=BROKEN),
    Odd(
        "line ends converted",
        lambda: encoded(noise(), "WEBP", quality=90).replace(b"\n", b"\r\n"),
        refused=BROKEN,
    ),
    Odd("a bomb", lambda: webp_of_size(16_000, 16_000), refused="pixels, and at most"),
)


def brands(major: bytes, *compatible: bytes) -> bytes:
    content = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 4 + len(content)) + content + bytes(100)


NAMES = (
    ("a GIF", encoded(gradient(20, 20), "GIF")),
    ("a BMP", encoded(gradient(20, 20), "BMP")),
    ("a TIFF", encoded(gradient(20, 20), "TIFF")),
    ("a TIFF", b"MM\0*" + bytes(20)),
    ("a PDF", encoded(gradient(20, 20), "PDF")),
    ("an ICO", encoded(gradient(20, 20), "ICO")),
    ("a JPEG 2000", encoded(gradient(20, 20), "JPEG2000")),
    ("a JPEG 2000", encoded(gradient(20, 20), "JPEG2000", no_jp2=True)),
    ("a JPEG XL", b"\xff\x0a" + bytes(20)),
    ("a JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n" + brands(b"jxl ")),
    ("an SVG", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
    ("an SVG", b"<svg/>"),
    ("an AVIF", encoded(gradient(20, 20), "AVIF")),
    ("an AVIF", brands(b"avis", b"msf1", b"miaf")),
    ("an AVIF", brands(b"mif1", b"miaf", b"avif", b"MA1B")),
    ("an AVIF", brands(b"miaf", b"mif1", b"avif")),
    ("a HEIC", brands(b"heic", b"mif1", b"heic")),
    ("a HEIC", brands(b"heix")),
    ("a HEIC", brands(b"hevc", b"msf1", b"hevc", b"mif1", b"heic")),
    ("a HEIC", brands(b"msf1", b"msf1", b"hevc", b"iso8")),
    ("a HEIC", brands(b"mif1", b"heic", b"miaf")),
    ("a HEIC", brands(b"miaf")),
    ("a HEIC", brands(b"mif1")),
    ("an MP4", brands(b"isom", b"mp42")),
    ("a QuickTime", brands(b"qt  ")),
    ("a Canon raw (CR3)", brands(b"crx ", b"isom")),
    ("a ZIP", b"PK\x03\x04" + bytes(50)),
)

OTHERS = (
    *(
        Odd(f"{name}, {number}", partial(bytes, body), refused=f"The bytes are {name} file")
        for number, (name, body) in enumerate(NAMES)
    ),
    Odd("nothing", lambda: b"", refused="The body is empty"),
    Odd("a letter", lambda: b"Dear dog,", refused="no JPEG, PNG or WebP photo"),
    Odd("three bytes", lambda: b"\xff\xd8\xff", refused=BROKEN),
    Odd("a page", lambda: b"<!DOCTYPE html><html></html>", refused="no JPEG, PNG or WebP photo"),
)

TABLE = {
    f"{kind}: {odd.name}": odd
    for kind, odds in (("JPEG", JPEGS), ("PNG", PNGS), ("WebP", WEBPS), ("other", OTHERS))
    for odd in odds
}
