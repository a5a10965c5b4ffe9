import io
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.photos.decode import PhotoError, target_size, wire_array, wire_image

WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right and green downwards: every turn and flip shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 250, width)[None, :]
    pixels[..., 1] = np.linspace(0, 250, height)[:, None]
    return Image.fromarray(pixels)


def with_orientation(image: Image.Image, value: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(image, kind, exif=exif.tobytes())


def middle(wire: NDArray[np.uint8]) -> tuple[int, ...]:
    return tuple(int(value) for value in wire[wire.shape[0] // 2, wire.shape[1] // 2])


def near(pixels: NDArray[np.uint8], expected: NDArray[np.uint8], mean: float = 2.0) -> bool:
    return bool(np.abs(pixels.astype(int) - expected.astype(int)).mean() <= mean)


@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((4000, 3000), (427, 320)),
        ((3000, 4000), (320, 427)),
        ((5000, 1000), (640, 128)),  # a panorama: the longer side binds
        ((320, 320), (320, 320)),
        ((200, 300), (200, 300)),  # never enlarged
        ((200, 1280), (100, 640)),
        ((10_000, 1), (640, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_target_size(size: tuple[int, int], target: tuple[int, int]) -> None:
    assert target_size(*size) == target


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_target_is_within_the_wire(width: int, height: int) -> None:
    target = target_size(width, height)
    assert 1 <= min(target) <= 320
    assert max(target) <= 640
    assert target[0] <= width
    assert target[1] <= height


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats(kind: str) -> None:
    wire = wire_array(encoded(gradient(1000, 500), kind))
    assert wire.shape == (320, 640, 3)
    assert wire.dtype == np.uint8
    assert near(wire, np.asarray(gradient(640, 320)))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(PhotoError, match=r"JPEG, PNG (and|or) WebP"):
        wire_array(encoded(gradient(50, 50), kind))


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation(value: int, kind: str) -> None:
    upright = gradient(900, 600)
    # how a camera stores it: the inverse of what the reader must do
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[value]
    wire = wire_array(with_orientation(stored, value, kind))
    assert near(wire, np.asarray(gradient(480, 320)))


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_unknown_orientation_is_upright(value: int) -> None:
    wire = wire_array(with_orientation(gradient(300, 200), value, "JPEG"))
    assert near(wire, np.asarray(gradient(300, 200)))


def test_broken_exif_is_upright() -> None:
    body = encoded(gradient(300, 200), "JPEG", exif=b"Exif\0\0XX*\0\x08\0\0\0")
    assert wire_array(body).shape == (200, 300, 3)


def test_a_large_jpeg_is_decoded_at_reduced_scale() -> None:
    body = encoded(gradient(4800, 3200), "JPEG")
    with Image.open(io.BytesIO(body)) as image:
        image.draft(None, target_size(*image.size))
        assert image.size == (600, 400)  # 1/8
    wire = wire_array(body)
    assert wire.shape == (320, 480, 3)
    assert near(wire, np.asarray(gradient(480, 320)))


def test_shrinking_averages() -> None:
    # Lines of one pixel: without antialias some would be picked, and grey would not come out.
    lines = np.zeros((1500, 1500, 3), np.uint8)
    lines[:, ::2] = 255
    wire = wire_array(encoded(Image.fromarray(lines), "PNG"))
    assert abs(int(wire[100:-100, 100:-100].max()) - 128) < 16
    assert abs(int(wire[100:-100, 100:-100].min()) - 128) < 16


def test_cmyk() -> None:
    body = encoded(Image.new("RGB", (40, 40), RED).convert("CMYK"), "JPEG", quality=95)
    red, green, blue = middle(wire_array(body))
    assert red > 240
    assert max(green, blue) < 15


def test_grey_and_bilevel() -> None:
    assert middle(wire_array(encoded(Image.new("L", (9, 9), 77), "PNG"))) == (77, 77, 77)
    assert middle(wire_array(encoded(Image.new("1", (9, 9), 1), "PNG"))) == WHITE


def test_16_bit_grey_keeps_the_high_byte() -> None:
    levels = np.arange(0, 65_536, 655).astype(np.uint16)[None, :].repeat(8, axis=0)
    wire = wire_array(encoded(Image.fromarray(levels), "PNG"))
    assert np.array_equal(wire[0, :, 0], levels[0] >> 8)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_white(kind: str) -> None:
    image = Image.new("RGBA", (40, 40), (*BLUE, 0))
    image.paste((*RED, 255), (10, 10, 30, 30))
    wire = wire_array(encoded(image, kind, lossless=True))
    assert tuple(wire[2, 2]) == WHITE
    assert middle(wire) == RED


def test_half_transparent_is_mixed_with_white() -> None:
    red, green, blue = middle(wire_array(encoded(Image.new("RGBA", (9, 9), (*RED, 128)), "PNG")))
    assert red == 255
    assert green == blue == 127


def test_transparent_grey_and_palette() -> None:
    assert middle(wire_array(encoded(Image.new("LA", (9, 9), (0, 0)), "PNG"))) == WHITE
    palette = Image.new("P", (9, 9), 1)
    palette.putpalette([*RED, *BLUE])
    assert middle(wire_array(encoded(palette, "PNG"))) == BLUE
    assert middle(wire_array(encoded(palette, "PNG", transparency=1))) == WHITE
    keyed = Image.new("RGB", (9, 9), BLUE)
    assert middle(wire_array(encoded(keyed, "PNG", transparency=BLUE))) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "MPO"])
def test_only_the_first_picture_is_read(kind: str) -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), BLUE)
    body = encoded(first, kind, save_all=True, append_images=[second], quality=95)
    red, _, blue = middle(wire_array(body))
    assert red > 240
    assert blue < 15


def test_one_pixel() -> None:
    assert wire_array(encoded(Image.new("RGB", (1, 1), RED), "PNG")).tolist() == [[list(RED)]]


# Pillow's own limits lie above ours: a warning (an error in these tests), then an error.
@pytest.mark.parametrize("size", [(8_000, 7_000), (12_000, 9_000), (20_000, 20_000)])
def test_too_many_pixels_are_refused_before_decoding(size: tuple[int, int]) -> None:
    body = encoded(Image.new("1", size), "PNG")
    assert len(body) < 60_000  # a bomb: 400 million pixels in a few kilobytes
    pixels = f"{size[0]:,} x {size[1]:,}"
    with pytest.raises(PhotoError, match=f"has {pixels} pixels, and at most 52,000,000"):
        wire_array(body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_truncated(kind: str) -> None:
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    body = encoded(noise, kind)
    with pytest.raises(PhotoError, match="truncated"):
        wire_array(body[: len(body) // 2])


@pytest.mark.parametrize(
    "body", [b"", b"x", b"\xff\xd8\xff", b"<svg></svg>", b"%PDF-1.7", b"\0" * 99]
)
def test_no_photo_at_all(body: bytes) -> None:
    with pytest.raises(PhotoError, match=r"send|empty"):
        wire_array(body)


def test_the_name_of_a_format_does_not_count() -> None:
    # A PNG sent as image/jpeg is still a sound photo.
    assert wire_image(encoded(gradient(10, 10), "PNG")).mode == "RGB"


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow remarks on EXIF that was cut
def test_malformed_bytes_end_in_a_photo_or_in_photo_error() -> None:
    noise = Image.effect_noise((60, 45), 60).convert("RGB")
    sound = [with_orientation(noise, 6, kind) for kind in ("JPEG", "PNG", "WEBP")]
    dice = random.Random(7)  # noqa: S311  # a fixed seed, not a secret
    refused = 0
    for _ in range(1500):
        body = bytearray(dice.choice(sound))
        for _ in range(dice.randint(1, 6)):
            body[dice.randrange(min(len(body), 400))] = dice.randrange(256)
        try:
            assert wire_array(bytes(body)).shape[2] == 3
        except PhotoError:
            refused += 1
    assert 0 < refused < 1500


def test_command_line(tmp_path: Path) -> None:
    path = tmp_path / "dog.jpg"
    path.write_bytes(encoded(gradient(640, 480), "JPEG"))
    command = [sys.executable, "-m", "dogbreeds.photos.decode", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "427 x 320 RGB, 409,920 bytes\n"
    path.write_bytes(b"no photo")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "dog.jpg: The 8 bytes received are no JPEG, PNG or WebP photo; send one of these.\n"
    )
