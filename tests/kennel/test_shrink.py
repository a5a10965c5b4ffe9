"""Photos are made smaller as the API itself would see them."""

import io

import pytest
from PIL import Image

from classify.photo import decode
from kennel.shrink import MAX_BYTES, MAX_PIXELS, CannotShrink, exceeds_limits, shrink
from tests.functions.classify.photos import gradient
from tests.kennel.pictures import encoded, noise


def opened(photo: bytes) -> Image.Image:
    return Image.open(io.BytesIO(photo))


def flat(width: int, height: int, kind: str, **options: object) -> bytes:
    return encoded(Image.new("RGB", (width, height), "teal"), kind, **options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("PNG", {}, marks=pytest.mark.slow),
        pytest.param("WEBP", {}, marks=pytest.mark.slow),
        ("JPEG", {"progressive": True}),
        ("JPEG", {}),
    ],
)
def test_what_does_not_exceed_the_limits_is_taken_by_the_api(
    kind: str, options: dict[str, object]
) -> None:
    largest = flat(4000, MAX_PIXELS // 4000, kind, **options)
    assert not exceeds_limits(largest)
    decode(largest)
    larger = flat(4000, MAX_PIXELS // 4000 + 1, kind, **options)
    assert exceeds_limits(larger)
    small = shrink(larger)
    assert not exceeds_limits(small)
    decode(small)


def test_bytes_count_as_pixels_do() -> None:
    photo = noise()
    assert len(photo) > MAX_BYTES
    assert exceeds_limits(photo)
    small = shrink(photo)
    assert len(small) < MAX_BYTES
    assert opened(small).size == (1600, 1169)
    assert not exceeds_limits(b"no photo")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_shrunk_photo_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = encoded(gradient(400, 300), "JPEG", exif=exif, quality=95)
    small = opened(shrink(photo))
    assert small.getexif().get(0x0112, 1) == 1
    seen, sent = decode(photo), decode(encoded(small, quality=95))
    assert (sent.width, sent.height) == (seen.width, seen.height)
    assert max(abs(a - b) for a, b in zip(seen.pixels, sent.pixels, strict=True)) < 24


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_it_has_the_colours_that_the_api_sees(mode: str) -> None:
    image = gradient(400, 300)
    if mode == "I;16":
        image = image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    elif mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image = image.convert(mode)
    elif mode == "P":
        image = image.quantize(256)
    else:
        image = image.convert(mode)
    photo = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    seen, sent = decode(photo), decode(shrink(photo))
    difference = [abs(a - b) for a, b in zip(seen.pixels, sent.pixels, strict=True)]
    assert sum(difference) / len(difference) < 8


def test_broken_exif_does_not_matter() -> None:
    photo = encoded(gradient(400, 300), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x09")
    assert opened(shrink(photo)).size == (400, 300)


@pytest.mark.parametrize("photo", [b"", b"no photo", b"\xff\xd8\xff" + bytes(99), noise()[:99_999]])
def test_what_cannot_be_opened_is_one_sentence(photo: bytes) -> None:
    with pytest.raises(CannotShrink, match=r"it has [\d,]+ bytes, and cannot be opened as JPEG"):
        shrink(photo)


def test_pillows_own_limit_is_as_before() -> None:
    before = Image.MAX_IMAGE_PIXELS
    shrink(flat(10, 10, "PNG"))
    exceeds_limits(b"")
    assert before == Image.MAX_IMAGE_PIXELS
