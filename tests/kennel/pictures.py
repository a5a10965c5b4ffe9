"""Photos that the tests of the command line make for themselves."""

import io
from pathlib import Path

from PIL import Image


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def write_photo(file: Path, kind: str = "JPEG") -> Path:
    """Write a small photo, whatever the file's name says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(Image.new("RGB", (64, 48), "teal"), kind))
    return file


def noise(width: int = 2600, height: int = 1900) -> bytes:
    """Return a PNG of more bytes than the API takes."""
    return encoded(Image.effect_noise((width, height), 90), "PNG", compress_level=1)
