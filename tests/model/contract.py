"""The requests that every host of the model must answer alike; test_hosts.py sends them."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.photos.decode import wire_array

NPY = "application/x-npy"
TOP = "Bull Mastiff"  # the smoke photo's breed


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def picture(kind: str) -> Callable[[bytes], bytes]:
    def encode(smoke: bytes) -> bytes:
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(smoke)) as image:
            image.save(buffer, kind, quality=95)
        return buffer.getvalue()

    return encode


@dataclass(frozen=True)
class Case:
    """One request and what its answer must be."""

    name: str
    body: Callable[[bytes], bytes]  # of the smoke photo's JPEG
    content_type: str
    status: int
    expected: str = ""  # a part of the error; for a 200, the number of photos in a batch


def is_smoke(prediction: dict[str, Any]) -> bool:
    """Return whether a prediction is that of the smoke photo."""
    return prediction["is_dog"] is True and prediction["breeds"][0]["breed"] == TOP


TABLE = (
    Case("wire", lambda smoke: npy(wire_array(smoke)), NPY, 200),
    Case("wire, 3 photos", lambda smoke: npy(np.stack([wire_array(smoke)] * 3)), NPY, 200, "3"),
    Case("wire, 12 photos", lambda smoke: npy(np.stack([wire_array(smoke)] * 12)), NPY, 200, "12"),
    Case("JPEG", lambda smoke: smoke, "image/jpeg", 200),
    Case("JPEG, type with a parameter", lambda smoke: smoke, "Image/JPEG; q=1", 200),
    Case("PNG", picture("PNG"), "image/png", 200),
    Case("WebP", picture("WEBP"), "image/webp", 200),
    Case("GIF", lambda smoke: smoke, "image/gif", 415, "'image/gif' is not served"),
    Case("JSON", lambda _: b"{}", "application/json", 415, "send one of application/x-npy"),
    Case("no type", lambda smoke: smoke, "", 415, "is not served"),
    Case("empty wire", lambda _: b"", NPY, 400, "no .npy file"),
    Case("empty JPEG", lambda _: b"", "image/jpeg", 400, "body is empty"),
    Case("no photo", lambda _: b"nonsense", "image/png", 400, "no JPEG, PNG or WebP"),
    Case("half a JPEG", lambda smoke: smoke[:5000], "image/jpeg", 400, "cannot be decoded"),
    Case("half a wire", lambda smoke: npy(wire_array(smoke))[:9999], NPY, 400, "bytes of pixels"),
    Case("floats", lambda _: npy(np.zeros((4, 4, 3), np.float32)), NPY, 400, "expected |u1"),
    Case("grey", lambda _: npy(np.zeros((4, 4), np.uint8)), NPY, 400, "of shape (4, 4)"),
    Case("65 photos", lambda _: npy(np.zeros((65, 4, 4, 3), np.uint8)), NPY, 400, "1 to 64"),
    Case("pickle", lambda _: npy(np.array([{}], object)), NPY, 400, ""),
    Case("6 MiB and a byte", lambda _: bytes(6 * 1024**2 + 1), NPY, 413, "6,291,456 bytes"),
)
