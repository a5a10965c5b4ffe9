import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify import wire
from tests.functions.classify.photos import gradient

SIDES = st.integers(1, 640)


@given(SIDES, SIDES)
def test_the_bytes_are_those_that_numpy_would_save(width: int, height: int) -> None:
    pixels = bytes(width * height * 3)
    ours = wire.encode(width, height, pixels)
    theirs = io.BytesIO()
    np.save(theirs, np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
    assert ours == theirs.getvalue()


def test_rows_columns_and_channels_keep_their_order() -> None:
    image = gradient(30, 20)
    loaded = np.load(io.BytesIO(wire.encode(30, 20, image.tobytes())), allow_pickle=False)
    assert loaded.shape == (20, 30, 3)
    assert loaded.dtype == np.uint8
    assert (loaded == np.asarray(image)).all()


def test_the_pixels_start_where_the_format_asks() -> None:
    body = wire.encode(427, 320, b"\xaa" * (427 * 320 * 3))
    assert body.index(b"\xaa") == 128
    assert body[:8] == b"\x93NUMPY\x01\x00"
    assert body[127:128] == b"\n"


@pytest.mark.parametrize("count", [0, 11, 13])
def test_pixels_that_do_not_fit_the_size_are_a_bug_of_ours(count: int) -> None:
    with pytest.raises(ValueError, match="for 2 x 2 RGB, expected 12"):
        wire.encode(2, 2, bytes(count))
