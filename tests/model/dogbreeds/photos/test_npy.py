import io

import numpy as np
import pytest

from dogbreeds.photos.decode import PhotoError
from dogbreeds.photos.npy import read_npy


def npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(shape: str, descr: str = "|u1", fortran: bool = False) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(117)
    return b"\x93NUMPY\x01\x00" + len(text + "\n").to_bytes(2, "little") + text.encode() + b"\n"


@pytest.mark.parametrize("shape", [(1, 1, 3), (320, 427, 3), (640, 128, 3), (64, 2, 5, 3)])
def test_npy_is_read_without_a_copy(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    view = read_npy(npy(array))
    assert np.array_equal(view, array)
    assert not view.flags.owndata


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4), np.uint8),
        np.zeros((65, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((1, 1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((8193, 1, 3), np.uint8),
        np.asfortranarray(np.zeros((4, 5, 3), np.uint8)),
    ],
)
def test_npy_of_another_type_or_shape(
    array: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> None:
    with pytest.raises(PhotoError, match=r"uint8\) of \(height, width, 3\) in C order"):
        read_npy(npy(array))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x09\x00" + bytes(200),
        b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 70_000,
        header("(4, 4, 3)", descr="O"),
        header("(4, 4, 'x')"),
        header("__import__('os')"),
        header("(4, 4, 3)")[:20],
        header("-" * 5000 + "1"),
        b"PK\x03\x04" + bytes(100),
        b"\x80\x04" + bytes(100),  # a pickle
    ],
)
def test_what_is_no_npy(body: bytes) -> None:
    with pytest.raises(PhotoError, match=r"no \.npy|expected \|u1"):
        read_npy(body)


@pytest.mark.parametrize("shape", ["(100000000, 100000000, 3)", "(8192, 8192, 3)", "(4, 4, 3)"])
def test_a_header_that_promises_more_than_follows(shape: str) -> None:
    with pytest.raises(PhotoError, match=r"expected \|u1|send the file whole"):
        read_npy(header(shape) + bytes(47))


def test_malformed_npy_ends_in_photo_error() -> None:
    sound = npy(np.zeros((4, 4, 3), np.uint8))
    dice = np.random.default_rng(11)
    refused = 0
    for _ in range(3000):
        body = bytearray(sound)
        for _ in range(int(dice.integers(1, 5))):
            body[int(dice.integers(0, len(body)))] = int(dice.integers(0, 256))
        try:
            cut = int(dice.integers(0, len(body))) if dice.random() < 0.3 else len(body)
            read_npy(bytes(body[:cut]))
        except PhotoError:
            refused += 1
    assert 0 < refused < 3000
