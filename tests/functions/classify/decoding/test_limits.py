"""What a photo may cost: the largest of each kind has room in the memory that Lambda gives."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classify.decoding import PhotoError, TooLarge, decode, limits
from tests.functions.classify.photos import encoded, in_own_process
from tests.odd_photos import chunk, of_size, webp_of_size, with_chunk
from tests.stack import source

MEASURE = """
import json, sys
from classify.photo import decode
body = Path(sys.argv[1]).read_bytes()
base = peak()
photo = decode(body)
print(json.dumps({"base": base, "peak": peak(), "size": [photo.width, photo.height]}))
"""
SHARE = (
    0.6  # of Lambda's memory that decoding may take: Python's own and what bursts stay beside it
)
SIDES = 2400, 1800  # pixels of a photo that a test has time for

TURNED = Image.Exif()
TURNED[0x0112] = 6


def cost_of(photo: bytes, folder: Path) -> dict[str, Any]:
    file = folder / "photo"
    file.write_bytes(photo)
    cost: dict[str, Any] = json.loads(in_own_process(MEASURE, str(file)))
    return cost


def turned(mode: str, kind: str, **options: object) -> bytes:
    """Return the costliest photo of a kind: black, and to be turned by its EXIF."""
    return encoded(Image.new(mode, SIDES), kind, exif=TURNED.tobytes(), **options)


WORST: dict[str, tuple[int, Callable[[], bytes]]] = {
    "JPEG in one scan": (
        limits.MAX_PIXELS_REDUCED,
        lambda: turned("CMYK", "JPEG", subsampling=0),
    ),
    "progressive JPEG": (
        limits.MAX_PIXELS_SCANS,
        lambda: turned("CMYK", "JPEG", progressive=True, subsampling=0),
    ),
    "PNG": (limits.MAX_PIXELS_WHOLE, lambda: turned("LA", "PNG")),
    "PNG of 16 bits": (limits.MAX_PIXELS_WHOLE, lambda: turned("I;16", "PNG")),
    "WebP": (limits.MAX_PIXELS_WHOLE, lambda: turned("RGBA", "WEBP", lossless=True, method=0)),
}


@pytest.mark.parametrize("kind", WORST)
def test_the_largest_photo_of_each_kind_has_room(kind: str, tmp_path: Path) -> None:
    most, make = WORST[kind]
    cost = cost_of(make(), tmp_path)
    assert min(cost["size"]) == 320
    for_each_pixel = (cost["peak"] - cost["base"]) / (SIDES[0] * SIDES[1])
    memory = source()["Resources"]["ClassifyFunction"]["Properties"]["MemorySize"]
    assert cost["base"] + most * for_each_pixel <= SHARE * memory, cost


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"iTXt" + b"a\0\1\0\0\0", id="text"),
        pytest.param(b"zTXt" + b"Raw profile type exif\0\0", id="raw profile"),
        pytest.param(b"iCCP" + b"a\0\0", id="colour profile"),
    ],
)
def test_hostile_metadata_costs_no_memory(extra: bytes, tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(100_000_000), 1)
    photo = with_chunk(chunk(extra[:4], extra[4:] + bomb))
    cost = cost_of(photo, tmp_path)
    assert cost["peak"] - cost["base"] <= 10, cost


@pytest.mark.parametrize(
    ("most", "header"),
    [
        (limits.MAX_PIXELS_REDUCED, b"\xff\xc0"),
        (limits.MAX_PIXELS_SCANS, b"\xff\xc2"),
    ],
)
def test_a_jpegs_pixels_are_bounded_by_its_scans(most: int, header: bytes) -> None:
    photo = encoded(Image.new("L", (8, 8)), "JPEG", progressive=header == b"\xff\xc2")
    place = photo.index(header) + 5
    height = most // 65_000 + 1
    sides = height.to_bytes(2, "big") + (65_000).to_bytes(2, "big")
    with pytest.raises(TooLarge, match=f"65,000 x {height:,} pixels, and at most {most:,} in all"):
        decode(photo[:place] + sides + photo[place + 4 :])


def test_many_scans_leave_fewer_pixels() -> None:
    photo = encoded(Image.new("L", (8, 8)), "JPEG", progressive=True)
    last, frame = photo.rindex(b"\xff\xda"), photo.index(b"\xff\xc2") + 5
    many = photo[:last] + photo[last:-2] * 58 + photo[-2:]  # 63 scans
    side = (8000).to_bytes(2, "big")
    with pytest.raises(TooLarge, match="8,000 x 8,000 pixels, and at most 31,746,031 in all"):
        decode(many[:frame] + side * 2 + many[frame + 4 :])


@pytest.mark.parametrize(("more", "words"), [(58, "cannot be decoded"), (59, "has 65 scans")])
def test_64_scans_are_not_too_many(more: int, words: str) -> None:
    photo = encoded(Image.new("L", (8, 8)), "JPEG", progressive=True)
    last = photo.rindex(b"\xff\xda")
    with pytest.raises(PhotoError, match=words):  # libjpeg warns of a scan that comes again
        decode(photo[:last] + photo[last:-2] * (1 + more) + photo[-2:])


def test_a_webp_bomb_that_pillow_refuses_is_too_large() -> None:
    with pytest.raises(TooLarge, match="too many pixels, and at most 52,000,000 in all"):
        decode(webp_of_size(16_000, 16_000))


@pytest.mark.parametrize("height", [7300, 20_000, 60_000])
def test_a_png_bomb_is_refused_by_its_header(height: int) -> None:
    with pytest.raises(TooLarge, match=f"{height:,} x {height:,} pixels, and at most 52,000,000"):
        decode(of_size(height, height))


@pytest.mark.parametrize(
    "size",
    [
        (8160, 6144),  # phones of "50 MP"
        (9504, 6336),
        (9248, 6936),  # "64 MP"
        (12_032, 9_024),  # "108 MP"
        (16_384, 12_288),  # "200 MP"
    ],
)
def test_what_cameras_write_is_below_the_limits(size: tuple[int, int]) -> None:
    pixels = size[0] * size[1]
    assert pixels <= limits.MAX_PIXELS_REDUCED
    assert pixels <= limits.MAX_PIXELS_SCANS or pixels > 110_000_000
    assert pixels <= limits.MAX_PIXELS_WHOLE or pixels > 52_000_000
