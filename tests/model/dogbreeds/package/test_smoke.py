import io

from PIL import Image

from dogbreeds.package.smoke import CREDIT, installed_photo, smoke_jpeg


def test_it_is_small_and_always_the_same() -> None:
    first = smoke_jpeg()
    assert first == smoke_jpeg()
    assert len(first) < 100_000
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "JPEG"
        assert min(image.size) <= 320


def test_the_photographer_of_the_smoke_photo_is_credited() -> None:
    assert installed_photo().name == "imagenet_00_243.jpg"
    assert "Foxcroft Academy" in CREDIT
    assert "CC BY 2.0" in CREDIT
