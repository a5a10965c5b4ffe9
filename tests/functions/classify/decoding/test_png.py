"""What of a PNG is read; whole files with odd chunks are in tests/odd_photos.py."""

import pytest

from classify.decoding import png
from tests.odd_photos import chunk, with_chunk
from tests.odd_photos import png as photo


def test_an_ordinary_png_is_kept() -> None:
    assert png.pixels_only(photo()) == photo()


def test_what_pixels_do_not_need_is_cut() -> None:
    text = chunk(b"tEXt", b"a\0b")
    transparency = chunk(b"tRNS", bytes(6))
    body = with_chunk(text + transparency + chunk(b"iCCP", bytes(9_000_000)))
    assert png.pixels_only(body) == with_chunk(transparency)
    assert png.pixels_only(photo() + b"more") == photo()


def test_a_wrong_checksum_counts_in_critical_chunks_only() -> None:
    assert png.pixels_only(with_chunk(chunk(b"tRNS", bytes(6), wrong=True))) == photo()
    for kind in (b"PLTE", b"CgBI"):  # the first letter tells
        with pytest.raises(ValueError, match=f"checksum of the chunk {kind!r}"):
            png.pixels_only(with_chunk(chunk(kind, bytes(6), wrong=True)))


@pytest.mark.parametrize("length", range(8, len(photo()), 7))
def test_a_torn_png_keeps_its_last_chunk_as_it_is(length: int) -> None:
    assert png.pixels_only(photo()[:length]) == photo()[:length]
