"""What of an animated WebP is read; whole files are in tests/odd_photos.py too."""

import io

import pytest
from PIL import Image

from classify.decoding import decode, webp
from tests.functions.classify.photos import encoded, gradient
from tests.odd_photos import animation
from tests.odd_photos import webp as still

TURNED = Image.Exif()
TURNED[0x0112] = 6


def animated(image: Image.Image, **options: object) -> bytes:
    later = image.transpose(Image.Transpose.ROTATE_180)
    return encoded(image, "WEBP", save_all=True, append_images=[later], **options)


def without_flag(body: bytes, flag: int) -> bytes:
    """Clear a flag of VP8X, the first chunk."""
    return body[:20] + bytes((body[20] & ~flag,)) + body[21:]


@pytest.mark.parametrize(
    "body",
    [
        still(),
        still(exif=TURNED.tobytes()),
        without_flag(animation(90, 60), 0x02),
        b"RIFF____WEBPVP8X\0\0\0\0",
        b"RIFF____WEBP",
        b"",
    ],
)
def test_a_still_photo_is_kept(body: bytes) -> None:
    assert webp.first_picture(body) is body


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_animation_becomes_its_first_frame(mode: str, options: dict[str, object]) -> None:
    image = gradient(91, 61).convert("RGB")
    if mode == "RGBA":
        image.putalpha(image.convert("L"))
    body = animated(image, **options)
    with (
        Image.open(io.BytesIO(body)) as expected,
        Image.open(io.BytesIO(webp.first_picture(body))) as first,
    ):
        assert getattr(first, "n_frames", 1) == 1
        assert first.convert("RGBA").tobytes() == expected.convert("RGBA").tobytes()


def test_a_frame_is_as_large_as_itself_whatever_its_canvas() -> None:
    with Image.open(io.BytesIO(webp.first_picture(animation(16_000, 16_000)))) as first:
        assert first.size == (90, 60)


def test_an_animation_keeps_its_orientation() -> None:
    image = gradient(90, 60)
    kind, photo = decode(animated(image, lossless=True, exif=TURNED.tobytes()))
    assert kind == "WEBP"
    assert photo.tobytes() == image.transpose(Image.Transpose.ROTATE_270).tobytes()


def test_a_chunk_of_odd_length_has_a_zero_behind_it() -> None:
    body = animation(90, 60)
    odd = body[:30] + b"odd \x01\0\0\0a\0" + body[30:]  # behind VP8X
    assert webp.first_picture(odd) == webp.first_picture(body) != body


def test_a_torn_frame_is_left_to_the_decoder() -> None:
    body = animated(gradient(90, 60), lossless=True)
    end_of_first_frame = body.index(b"ANMF") + 60
    assert webp.first_picture(body[:end_of_first_frame]) == body[:end_of_first_frame]
