"""Where a JPEG's first picture ends; damaged ones are in tests/odd_photos.py."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from classify.decoding import decode, jpeg
from tests.functions.classify.photos import encoded, gradient
from tests.functions.classify.photos import jpeg as photo
from tests.odd_photos import baseline, progressive, restarting, segment, with_segments


def test_an_ordinary_jpeg_is_itself_and_has_one_scan() -> None:
    body = photo()
    assert jpeg.first_picture(body) == (body, 1, True)
    assert jpeg.first_picture(body).body is body  # not copied


def test_a_progressive_jpeg_has_the_scans_of_libjpeg() -> None:
    assert jpeg.first_picture(progressive()) == (progressive(), 10, False)


@pytest.mark.parametrize("make", [baseline, progressive, restarting])
def test_what_follows_the_first_picture_is_cut(make: Callable[[], bytes]) -> None:
    body = make()
    for more in (progressive(), b"\0" * 99, b"\0\0\0\x18ftypmp42\xff\xda\xff\xd9"):
        assert jpeg.first_picture(body + more) == jpeg.first_picture(body)


def test_a_marker_without_a_length_is_passed_over() -> None:
    body = photo()[:2] + b"\xff\x01" + photo()[2:]
    assert jpeg.first_picture(body) == (body, 1, True)


def test_segments_count_neither_as_scans_nor_as_the_end() -> None:
    body = with_segments(photo(), segment(0xE1, b"Exif\0\0" + progressive()[:60_000]))
    assert jpeg.first_picture(body) == (body, 1, True)
    between = progressive()
    place = between.index(b"\xff\xda", between.index(b"\xff\xda") + 2)
    body = between[:place] + segment(0xFE, b"\xff\xd9\xff\xda") + between[place:]
    assert jpeg.first_picture(body) == (body, 10, False)


@pytest.mark.parametrize("make", [baseline, progressive, restarting])
def test_a_missing_end_marker_is_added(make: Callable[[], bytes]) -> None:
    assert jpeg.first_picture(make()[:-2]).body == make()


@pytest.mark.parametrize("scans", range(1, 10))
def test_no_end_is_added_where_scans_are_missing(scans: int) -> None:
    body = progressive()
    place = -1
    for _ in range(scans + 1):
        place = body.index(b"\xff\xda", place + 1)
    torn = body[: body.rindex(b"\xff\xc4", 0, place) if scans < 9 else place]
    assert jpeg.first_picture(torn).body == torn


@pytest.mark.parametrize(
    ("scan", "other"),
    [
        (b"\x01\x3f\x10", b"\x01\x05\x10"),  # only the first coefficients to the last bit
        (b"\0\0\x10", b"\0\0\x21"),  # the mean not to the last bit
    ],
)
def test_no_end_is_added_where_scans_leave_coefficients_out(scan: bytes, other: bytes) -> None:
    torn = progressive()[:-2].replace(scan, other)
    assert torn != progressive()[:-2]
    assert jpeg.first_picture(torn).body == torn


def test_a_scan_counts_for_the_frames_components_and_only_with_a_whole_header() -> None:
    torn, start = progressive()[:-2], progressive().index(b"\xff\xda")
    strange = segment(0xDA, b"\x01\x09\0\x01\x3f\x01")  # of a component that no frame has
    assert jpeg.first_picture(torn + strange).body == torn + strange + b"\xff\xd9"
    cut = torn[:start] + segment(0xDA, b"\x03\x01\0\x02\x11\x03\x11\0\x3f")
    assert jpeg.first_picture(cut).body == cut


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"\xff\xd8\xff\xda", b"\xff\xd8", b"\xff" * 999, b"\xff\xd8\xff\xe1\xff"]
)
def test_a_jpeg_without_a_picture_is_left_as_it_is(body: bytes) -> None:
    picture = jpeg.first_picture(body)
    assert picture.body == body
    assert picture.scans <= 1
    assert not picture.is_one_pass


@pytest.mark.parametrize("make", [baseline, progressive])
def test_a_scan_of_nothing_completes_nothing(make: Callable[[], bytes]) -> None:
    torn = make()[: make().index(b"\xff\xda")] + b"\xff\xda\0\x02"
    assert jpeg.first_picture(torn) == (torn, 1, False)


def test_a_first_scan_of_less_than_everything_is_not_the_only_pass() -> None:
    body = progressive()
    second = body.index(b"\xff\xda", body.index(b"\xff\xda") + 2)
    assert jpeg.first_picture(body[:second] + b"\xff\xd9")[1:] == (1, False)
    grey = baseline().replace(
        b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11", b"\xff\xda\0\x08\x01\x01\0"
    )
    assert jpeg.first_picture(grey)[1:] == (1, False)  # the first of three components alone


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_pixels_are_pillows_own(mode: str, options: dict[str, object]) -> None:
    body = encoded(gradient(300, 200).convert(mode), "JPEG", **options)
    with Image.open(io.BytesIO(body)) as image:
        expected = image.convert("RGB").tobytes()
    assert decode(body)[1].tobytes() == expected


def test_a_decoder_of_another_layout_is_not_read() -> None:
    assert jpeg._warnings(object()) == 0


@pytest.mark.shared
def test_real_photos_with_converted_line_ends_are_refused(shared_data: Path) -> None:
    files = sorted((shared_data / "woof10" / "valid").rglob("*.jpg"))
    assert files
    for file in files[::10]:
        body = file.read_bytes()
        decode(body)
        with pytest.raises(ValueError, match="cannot be decoded"):
            decode(body.replace(b"\n", b"\r\n"))
