"""What a photo may cost; the memory figures of limits.py's table are held here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classify import limits
from common.problem import BadRequest, TooLarge
from tests.functions.classify.photos import encoded, gradient, in_own_process, jpeg

MEASURE = """
import json, sys
from classify.photo import decode
base = peak()
photo = decode(Path(sys.argv[1]).read_bytes())
print(json.dumps({"base": base, "peak": peak(), "size": [photo.width, photo.height]}))
"""

TURNED = Image.Exif()
TURNED[0x0112] = 6


def cost_of(photo: bytes, folder: Path) -> dict[str, Any]:
    file = folder / "photo"
    file.write_bytes(photo)
    cost: dict[str, Any] = json.loads(in_own_process(MEASURE, str(file)))
    return cost


def blank(mode: str, width: int, height: int) -> Image.Image:
    return Image.new(mode, (width, height))


WORST: dict[str, tuple[int, Callable[[], bytes]]] = {
    # most MB, and the photo
    "JPEG in one scan": (
        40,
        lambda: encoded(blank("RGB", 7000, 7000), "JPEG", exif=TURNED.tobytes()),
    ),
    "progressive JPEG": (
        130,
        lambda: encoded(blank("CMYK", 4000, 3100), "JPEG", progressive=True, subsampling=0),
    ),
    "PNG": (180, lambda: encoded(blank("LA", 4000, 3100), "PNG", exif=TURNED.tobytes())),
    "WebP": (280, lambda: encoded(blank("RGBA", 4000, 3100), "WEBP", lossless=True, method=0)),
}


@pytest.mark.parametrize("kind", WORST)
def test_the_largest_photo_of_each_kind_stays_within_its_memory(kind: str, tmp_path: Path) -> None:
    most, make = WORST[kind]
    cost = cost_of(make(), tmp_path)
    assert min(cost["size"]) == 320
    assert cost["peak"] <= most, cost


def test_a_byte_more_than_the_cap_is_too_much() -> None:
    limits.check_bytes(limits.MAX_BYTES)
    with pytest.raises(TooLarge, match=r"4,500,001 bytes and at most 4,500,000"):
        limits.check_bytes(limits.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("kind", "body", "most"),
    [
        ("JPEG", jpeg(), limits.MAX_PIXELS),
        ("JPEG", encoded(gradient(64, 48), "JPEG", progressive=True), limits.MAX_PIXELS_WHOLE),
        ("PNG", b"", limits.MAX_PIXELS_WHOLE),
        ("WEBP", b"", limits.MAX_PIXELS_WHOLE),
    ],
)
def test_pixels_are_bounded_by_kind(kind: str, body: bytes, most: int) -> None:
    limits.check_size(kind, most, 1, body)
    with pytest.raises(TooLarge, match=f"{most + 1:,} x 1 pixels and at most {most:,}"):
        limits.check_size(kind, most + 1, 1, body)


def test_an_ordinary_jpeg_has_one_scan() -> None:
    assert limits.count_scans(jpeg()) == 1


def test_a_progressive_jpeg_has_the_scans_of_libjpeg() -> None:
    assert limits.count_scans(encoded(gradient(64, 48), "JPEG", progressive=True)) == 10


def test_a_thumbnail_is_no_scan_of_the_photo() -> None:
    thumbnail = jpeg(16, 16)
    segment = b"Exif\0\0" + thumbnail
    photo = jpeg()
    marker = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big")
    assert limits.count_scans(photo[:2] + marker + segment + photo[2:]) == 1


def test_the_second_picture_of_a_phone_counts() -> None:
    two = encoded(gradient(64, 48), "MPO", save_all=True, append_images=[gradient(32, 24)])
    assert limits.count_scans(two) == 2


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"\xff\xd8\xff\xda", b"\xff\xd8", b"\xff" * 999, b"\xff\xd8\xff\xe1\xff"]
)
def test_a_jpeg_without_scans_has_none(body: bytes) -> None:
    assert limits.count_scans(body) == 0


def test_a_progressive_bomb_is_refused_before_it_is_decoded() -> None:
    photo = encoded(gradient(64, 48), "JPEG", progressive=True)
    last = photo.rindex(b"\xff\xda")
    bomb = photo[:last] + photo[last:-2] * 70_000 + photo[-2:]
    with pytest.raises(BadRequest, match=r"has 70,009 scans and at most 64"):
        limits.check_size("JPEG", 64, 48, bomb)
