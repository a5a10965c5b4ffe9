"""Corrupt valid JPEG, PNG and WebP files at random, from a seed, as input for fuzzing.

Ways that know nothing of the format: flipped bits, overwritten bytes, cut ends, cut middles, a part
of another photo in the midst. Ways that know its parts (segments of a JPEG, chunks of a PNG or
WebP): parts swapped, doubled, left out; a length or a size that lies. A PNG's checksums are made
right again in half of these, since a wrong one ends the decoding early.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIZES = (0, 1, 7, 255, 256, 4_095, 7_000, 16_383, 32_767, 65_535, 2**31 - 1, 2**32 - 1)
Mutation = Callable[[random.Random, bytes, bytes], bytes]


def valid_photos(folder: Path) -> list[bytes]:
    """Return photos of ../shared/data/photos in each common form of the three formats."""
    turned = Image.Exif()
    turned[0x0112] = 6
    bodies = []
    for path in sorted(folder.glob("*.png"))[:4]:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        rgba = rgb.copy()
        rgba.putalpha(rgb.convert("L"))
        wide = rgb.resize((2_400, 1_800))
        bodies += [
            path.read_bytes(),
            saved(rgb, "JPEG", quality=85, exif=turned),
            saved(rgb, "JPEG", quality=85, progressive=True),
            saved(rgb.convert("CMYK"), "JPEG", quality=80),
            saved(wide, "JPEG", quality=70, restart_marker_rows=8),
            saved(rgb, "PNG", exif=turned),
            saved(rgba, "PNG"),
            saved(rgb.convert("P"), "PNG", transparency=3),
            saved(rgb.convert("L").convert("I;16"), "PNG"),
            saved(rgb, "WEBP", quality=80, exif=turned),
            saved(rgba, "WEBP", lossless=True),
            saved(rgba, "WEBP", save_all=True, append_images=[rgba.rotate(90)]),
        ]
    return bodies


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def parts(body: bytes) -> list[bytes]:
    """Cut a photo into its head, its segments or chunks, and the rest; joined, they are `body`."""
    if body.startswith(b"\xff\xd8"):
        return _segments(body)
    at = len(PNG_SIGNATURE) if body.startswith(PNG_SIGNATURE) else 12
    order, fixed = (">I", 12) if at == 8 else ("<I", 8)
    chunks = [body[:at]]
    while at + 8 <= len(body):
        (size,) = struct.unpack_from(order, body, at + (0 if fixed == 12 else 4))
        end = at + fixed + size + (size % 2 if fixed == 8 else 0)
        chunks.append(body[at:end])
        at = end
    return [*chunks, body[at:]]


def _segments(body: bytes) -> list[bytes]:
    segments, at = [body[:2]], 2
    while at + 4 <= len(body) and body[at] == 0xFF and body[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(body[at + 2 : at + 4], "big")
        segments.append(body[at:end])
        at = end
    return [*segments, body[at:]]


def flip_bits(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Flip 1 to 64 bits."""
    damaged = bytearray(body)
    for _number in range(2 ** draw.randrange(7)):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def flip_bits_of_head(draw: random.Random, body: bytes, other: bytes) -> bytes:
    """Flip random bits in a file's first 700 bytes, which hold its headers."""
    return flip_bits(draw, body[:700], other) + body[700:]


def overwrite(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Overwrite up to 200 bytes with one value, or with random ones."""
    at, count = draw.randrange(len(body)), draw.randint(1, 200)
    random_bytes = draw.random() < 0.5
    filling = draw.randbytes(count) if random_bytes else bytes([draw.randrange(256)]) * count
    return body[:at] + filling + body[at + count :]


def truncate(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Cut the end off."""
    return body[: draw.randrange(1, len(body))]


def cut_out(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Cut a part of the middle out."""
    first, last = sorted(draw.randrange(len(body)) for _number in range(2))
    return body[:first] + body[last:] or b"\0"


def splice(draw: random.Random, body: bytes, other: bytes) -> bytes:
    """Put a part of another photo into the midst, or its end in place of the end."""
    at, first = draw.randrange(len(body)), draw.randrange(len(other))
    if draw.random() < 0.5:
        return body[:at] + other[first:]
    return body[:at] + other[first : first + draw.randint(1, 5_000)] + body[at:]


def swap_parts(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Swap two parts, double one or leave one out."""
    all_parts = parts(body)
    one, two = (draw.randrange(len(all_parts)) for _number in range(2))
    way = draw.randrange(3)
    if way == 0:
        all_parts[one], all_parts[two] = all_parts[two], all_parts[one]
    elif way == 1:
        all_parts.insert(two, all_parts[one])
    else:
        del all_parts[one]
    return b"".join(all_parts) or b"\0"


def lie_of_length(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Change the length that a part says it has."""
    all_parts = parts(body)
    index = draw.randrange(len(all_parts))
    part = bytearray(all_parts[index])
    if len(part) > 8:
        at, form = (2, ">H") if body[:2] == b"\xff\xd8" else (0, ">I")
        if body[:4] == b"RIFF":
            at, form = 4, "<I"
        (before,) = struct.unpack_from(form, part, at)
        chosen = draw.choice((0, 1, before - 1, before + 1, 2 * before, *SIZES))
        struct.pack_into(form, part, at, chosen % 2 ** (8 * struct.calcsize(form)))
        all_parts[index] = bytes(part)
    return b"".join(all_parts)


def change_part(draw: random.Random, body: bytes, _: bytes) -> bytes:
    """Change bytes or a number within a part, a PNG's checksum with it in half of the cases."""
    all_parts = parts(body)
    index = draw.randrange(1, len(all_parts))
    part = bytearray(all_parts[index])
    start = 8 if body[:2] != b"\xff\xd8" else 4
    if len(part) > start + 4:
        for _number in range(draw.randint(1, 3)):
            at = draw.randrange(start, min(len(part), start + 40) - 3)
            width = draw.choice((1, 2, 4))
            value = draw.choice(SIZES) if draw.random() < 0.5 else draw.getrandbits(32)
            order = "little" if body[:4] == b"RIFF" else "big"
            part[at : at + width] = (value % 256**width).to_bytes(width, order)
        if body.startswith(PNG_SIGNATURE) and draw.random() < 0.5:
            part[-4:] = zlib.crc32(part[4:-4]).to_bytes(4, "big")
        all_parts[index] = bytes(part)
    return b"".join(all_parts)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits_of_head,
    overwrite,
    truncate,
    cut_out,
    splice,
    swap_parts,
    lie_of_length,
    change_part,
)


def mutated(number: int, bodies: Sequence[bytes]) -> tuple[str, bytes]:
    """Return the mutation of this number: its way, and the bytes; one in four is mutated twice."""
    draw = random.Random(number)  # noqa: S311  # the same each time
    way = MUTATIONS[number % len(MUTATIONS)]
    body = way(draw, draw.choice(bodies), draw.choice(bodies))
    if draw.random() < 0.25:
        body = draw.choice(MUTATIONS)(draw, body, draw.choice(bodies)) if len(body) > 1 else body
    return way.__name__, body
