"""Hostile and odd photos; the pixels of the canonical form are compared with Pillow's own."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from classify.decoding import target_size
from classify.photo import Photo, decode
from common.problem import BadRequest, Problem, TooLarge, UnsupportedType
from tests.functions.classify.photos import encoded, gradient, in_own_process, jpeg
from tests.odd_photos import of_size

WHITE, RED = (255, 255, 255), (255, 0, 0)


def image_of(photo: Photo) -> Image.Image:
    return Image.frombytes("RGB", (photo.width, photo.height), photo.pixels)


def colour(photo: Photo, x: int, y: int) -> tuple[int, ...]:
    pixel = image_of(photo).getpixel((x, y))
    assert isinstance(pixel, tuple)
    return tuple(int(value) for value in pixel)


def near(one: tuple[int, ...], other: tuple[int, ...], most: int = 6) -> bool:
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------- size


@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((4032, 3024), (427, 320)),
        ((3024, 4032), (320, 427)),
        ((640, 320), (640, 320)),
        ((1280, 320), (640, 160)),  # the longer side binds
        ((100, 80), (100, 80)),  # never enlarged
        ((1, 1), (1, 1)),
        ((1, 60_000), (1, 640)),
        ((60_000, 1), (640, 1)),
        ((320, 641), (320, 640)),
    ],
)
def test_target_size(size: tuple[int, int], target: tuple[int, int]) -> None:
    assert target_size(*size) == target


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_a_target_is_in_bounds_and_keeps_the_aspect(width: int, height: int) -> None:
    w, h = target_size(width, height)
    assert 1 <= min(w, h) <= 320
    assert max(w, h) <= 640
    assert w <= width
    assert h <= height
    # Each side is off by half a pixel of rounding at most, unless it would have vanished.
    assert 1 in (w, h) or abs(w * height - h * width) <= max(width, height)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5), (1600, 900)])
def test_every_size_comes_out_as_its_target(kind: str, size: tuple[int, int]) -> None:
    photo = decode(encoded(gradient(*size), kind))
    assert photo.kind == kind
    assert (photo.width, photo.height) == target_size(*size)
    assert len(photo.pixels) == photo.width * photo.height * 3


# ---------------------------------------------------------------- modes and orientation


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_small_lossless_photo_is_untouched(kind: str) -> None:
    image = gradient(200, 100)
    photo = decode(encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert photo.pixels == image.tobytes()


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_jpeg_mode_shows_its_colour(mode: str, progressive: bool) -> None:
    image = Image.new("RGB", (64, 64), (180, 180, 180)).convert(mode)
    photo = decode(encoded(image, "JPEG", progressive=progressive, quality=95))
    assert near(colour(photo, 32, 32), (180, 180, 180))


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), {}, WHITE),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 255)), {}, RED),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 128)), {}, (255, 127, 127)),
        (Image.new("LA", (8, 8), (0, 0)), {}, WHITE),
        (Image.new("LA", (8, 8), (0, 255)), {}, (0, 0, 0)),
        (Image.new("P", (8, 8), 0), {"transparency": 0}, WHITE),
        (Image.new("L", (8, 8), 7), {"transparency": 7}, WHITE),
        (Image.new("L", (8, 8), 7), {"transparency": 8}, (7, 7, 7)),
        (Image.new("RGB", (8, 8), RED), {"transparency": RED}, WHITE),
        (Image.new("1", (8, 8), 1), {}, WHITE),
        (Image.new("1", (8, 8), 0), {}, (0, 0, 0)),
        (Image.new("I;16", (8, 8), 0x80FF), {}, (0x80, 0x80, 0x80)),
        (Image.new("I;16", (8, 8), 0x00FF), {}, (0, 0, 0)),
        (Image.new("I;16", (8, 8), 0xFFFF), {}, WHITE),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_every_png_mode_lands_on_white(
    image: Image.Image, options: dict[str, object], expected: tuple[int, ...]
) -> None:
    assert near(colour(decode(encoded(image, "PNG", **options)), 4, 4), expected, most=1)


@pytest.mark.parametrize("value", [0, 0x0100, 0x8000, 0xFF00])
def test_16_bits_of_grey_become_their_high_byte(value: int) -> None:
    photo = decode(encoded(Image.new("I;16", (8, 8), value), "PNG"))
    assert colour(photo, 4, 4) == (value >> 8,) * 3


def test_a_palette_shows_its_colours() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert colour(decode(encoded(image, "PNG")), 4, 4) == (10, 200, 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),  # stored lying on its left, so that 270 brings it back
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_every_orientation_comes_out_upright(
    kind: str, orientation: int, undo: Image.Transpose | None
) -> None:
    upright = gradient(120, 80)
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    photo = decode(encoded(stored, kind, exif=exif.tobytes(), **options))
    assert (photo.width, photo.height) == (120, 80)
    difference = ImageChops.difference(image_of(photo), upright)
    assert max(difference.tobytes()) <= 12  # JPEG loses a little


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_out_of_range_means_upright(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    photo = decode(encoded(gradient(60, 40), "JPEG", exif=exif.tobytes()))
    assert (photo.width, photo.height) == (60, 40)


def test_an_orientation_in_words_means_upright() -> None:
    entry = b"\x12\x01\x02\x00\x04\x00\x00\x00six\x00"  # tag 0x0112, ASCII, 4 bytes
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0\0\0\0"
    photo = gradient(60, 40)
    assert decode(encoded(photo, "JPEG", exif=exif)) == decode(encoded(photo, "JPEG"))


def test_broken_exif_is_no_reason_to_refuse_a_photo() -> None:
    broken = b"Exif\0\0MM\0*\xff\xff\xff\xff"
    photo = gradient(60, 40)
    assert decode(encoded(photo, "JPEG", exif=broken)) == decode(encoded(photo, "JPEG"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "MPO"])
def test_of_several_pictures_the_first_counts(kind: str) -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), WHITE)
    options = {"lossless": True} if kind == "WEBP" else {}
    body = encoded(first, kind, save_all=True, append_images=[second], **options)
    photo = decode(body)
    assert near(colour(photo, 8, 8), RED)
    assert photo.kind == ("JPEG" if kind == "MPO" else kind)


# ---------------------------------------------------------------- refusals


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(BadRequest, match="The body is empty"):
        decode(b"")


def test_each_refusal_is_its_own_problem() -> None:
    with pytest.raises(UnsupportedType, match="The bytes are a GIF file") as foreign:
        decode(encoded(gradient(20, 20), "GIF"))
    with pytest.raises(TooLarge, match="at most 52,000,000 in all are decoded") as large:
        decode(of_size(7300, 7300))
    with pytest.raises(BadRequest, match="are no JPEG, PNG or WebP photo") as other:
        decode(b"a letter")
    reasons = [each.value.reason for each in (foreign, large, other)]
    assert reasons == ["format", "pixels", "photo"]


@pytest.mark.parametrize(
    "body",
    [
        b"This is a letter.",
        b"\0" * 100,
        b"\xff\xd8\xff",
        encoded(gradient(20, 20), "PPM"),
        encoded(gradient(20, 20), "EPS"),  # Pillow would start Ghostscript for this one
    ],
)
def test_what_is_no_photo_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="bytes"):
        decode(body)


def test_a_photo_that_was_read_as_text_is_refused_with_that_reason() -> None:
    body = encoded(gradient(20, 20), "JPEG").decode(errors="replace").encode()
    with pytest.raises(BadRequest, match=r"were read as text .*; send the photo's own bytes\.$"):
        decode(body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_photo_is_refused(kind: str, share: float) -> None:
    noise = Image.effect_noise((200, 150), 90).convert("RGB")
    body = encoded(noise, kind)
    with pytest.raises(BadRequest, match="truncated or broken"):
        decode(body[: int(len(body) * share)])


# ---------------------------------------------------------------- anything at all

SEEDS = [
    jpeg(),
    encoded(gradient(64, 48), "JPEG", progressive=True),
    encoded(gradient(64, 48).convert("CMYK"), "JPEG"),
    encoded(gradient(64, 48), "MPO", save_all=True, append_images=[gradient(9, 9)]),
    encoded(gradient(64, 48), "PNG"),
    encoded(gradient(64, 48).convert("P"), "PNG", transparency=b"\1\2\3"),
    encoded(gradient(64, 48), "WEBP"),
    encoded(gradient(64, 48).convert("RGBA"), "WEBP", lossless=True),
]


def photo_or_problem(body: bytes) -> None:
    try:
        photo = decode(body)
    except Problem as problem:
        assert problem.detail.endswith(".")
    else:
        assert len(photo.pixels) == photo.width * photo.height * 3
        assert max(photo.width, photo.height) <= 640


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0.2, 1),
)
def test_a_damaged_photo_ends_in_a_photo_or_a_problem(
    seed: bytes, damage: list[tuple[float, int]], kept: float
) -> None:
    body = bytearray(seed)
    for place, value in damage:
        body[int(place * (len(body) - 1))] = value
    photo_or_problem(bytes(body[: int(len(body) * kept)]))


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF____WEBP"]), st.binary())
@example(b"\xff\xd8\xff", b"\xe0")
def test_any_bytes_end_in_a_photo_or_a_problem(start: bytes, rest: bytes) -> None:
    photo_or_problem(start + rest)


@pytest.mark.shared
def test_the_malformed_files_end_in_photos_or_problems_within_90_mb(shared_data: Path) -> None:
    files = [file for file in sorted((shared_data / "malformed").iterdir()) if file.is_file()]
    assert len(files) == 1312
    script = """
import json, sys
from collections import Counter
from pathlib import Path
from classify.photo import decode
from common.problem import Problem
outcomes = Counter()
for name in sys.stdin.read().split("\\0"):
    try:
        photo = decode(Path(name).read_bytes())
        assert len(photo.pixels) == photo.width * photo.height * 3
        outcomes["photo"] += 1
    except Problem as problem:
        outcomes[int(problem.status)] += 1
print(json.dumps([peak(), outcomes]))
"""
    peak, outcomes = json.loads(in_own_process(script, stdin="\0".join(map(str, files))))
    assert peak <= 90, peak
    assert sum(outcomes.values()) == len(files)
    assert outcomes["photo"] >= 10  # not everything is refused
    assert set(outcomes) <= {"photo", "400", "413", "415"}


def test_a_pillow_file_is_closed_whatever_happens() -> None:
    # Warnings are errors here, so a file left open would fail this test.
    with pytest.raises(BadRequest):
        decode(io.BytesIO(jpeg()).read()[:100])
