"""The page opens files as photos, and makes smaller what the API would refuse for its size."""

import io
from pathlib import Path

import pytest
from PIL import Image

from classify.photo import decode
from tests.functions.classify.photos import encoded, gradient
from tests.functions.page.acts import problem, send, text
from tests.functions.page.browser import Tab
from tests.functions.page.fake_api import Api

pytestmark = pytest.mark.rivals

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


def image_of(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


def test_a_photo_is_sent_as_it_is_and_its_breed_shown(tab: Tab, api: Api, photo: Path) -> None:
    send(tab, photo)
    assert api.received == [("/v1/classify", "image/jpeg", "key-1", photo.read_bytes())]
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert tab.run("[...document.querySelectorAll('.share')].map((e) => e.textContent)") == [
        "90\u00a0%",
        "<\u00a01\u00a0%",
    ]
    assert tab.run("sessionStorage.length") == 1
    assert tab.run("localStorage.length + document.cookie.length") == 0
    assert tab.complaints == []  # the policy refused nothing of the page's own


def test_a_photo_of_many_bytes_is_made_small(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    Image.effect_noise((2600, 1900), 90).save(file, "PNG", compress_level=1)
    assert file.stat().st_size > 4_500_000
    send(tab, file)
    [request] = api.received
    assert request.content_type == "image/jpeg"
    assert len(request.body) < 4_500_000
    assert image_of(request.body).size == (1600, 1169)
    assert "made smaller to send" in text(tab, "name")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_of_many_pixels_is_made_small(
    tab: Tab, api: Api, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "flat"
    Image.new("RGB", (10_400, 5200), "teal").save(file, kind)
    assert file.stat().st_size < 1_000_000
    send(tab, file)
    [request] = api.received
    image = image_of(request.body)
    assert (image.format, image.size) == ("JPEG", (1600, 800))
    assert image.getpixel((800, 400)) == pytest.approx((0, 128, 128), abs=3)


def test_a_photo_is_upright_when_it_is_made_small(tab: Tab, api: Api, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # its right side is up
    file = tmp_path / "turned.jpg"
    lying = gradient(4800, 3000).resize((9600, 6000))
    file.write_bytes(encoded(lying, "JPEG", exif=exif))
    send(tab, file)
    [request] = api.received
    sent = image_of(request.body)
    upright = lying.transpose(Image.Transpose.ROTATE_270).resize(sent.size)
    assert sent.size == (1000, 1600)
    assert sent.getexif().get(0x0112, 1) == 1
    for corner in ((50, 50), (950, 50), (50, 1550), (950, 1550)):
        assert sent.getpixel(corner) == pytest.approx(upright.getpixel(corner), abs=8)


def test_what_is_sent_as_it_is_fits_the_apis_limits(tab: Tab, api: Api) -> None:
    width = 4000
    height = tab.run("MAX_PIXELS") // width
    flat = Image.new("RGB", (width, height), "teal")
    for kind, options in (("PNG", {}), ("WEBP", {}), ("JPEG", {"progressive": True})):
        body = encoded(flat, kind, **options)
        decode(body + bytes(tab.run("MAX_BYTES") - len(body)) if kind == "JPEG" else body)


def test_after_a_413_the_photo_is_made_smaller_and_sent_again(
    tab: Tab, api: Api, tmp_path: Path
) -> None:
    file = tmp_path / "dog.jpg"
    file.write_bytes(encoded(gradient(2000, 1000), "JPEG"))
    api.first = [(413, {"detail": "At most 1,000,000 pixels."})]
    send(tab, file)
    assert text(tab, "result-headline") == "Bull Mastiff"
    assert [image_of(request.body).size for request in api.received] == [(2000, 1000), (1600, 800)]
    assert "made smaller to send" in text(tab, "name")


def test_a_second_413_is_shown(tab: Tab, api: Api, photo: Path) -> None:
    api.status, api.answer = 413, {"detail": "Too large."}
    send(tab, photo)
    assert problem(tab) == ("The photo is too large", "Too large.")
    assert len(api.received) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"This is a letter.", "is no photo that this browser can open."),
        (b"", "is empty: it has 0 bytes."),
        (HEIC, "is in the format HEIC, which this browser cannot open. Save or export it as JPEG"),
        (HEIC.replace(b"heic", b"msf1"), "is in the format HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "is in the format AVIF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "is in the format JPEG XL"),
        (b"II*\0" + bytes(60), "is in the format TIFF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4_600_000), "begins as PNG and cannot be opened"),
    ],
)
def test_what_is_no_photo_for_this_browser_is_not_sent(
    tab: Tab, api: Api, tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "letter.jpg"
    file.write_bytes(content)
    send(tab, file)
    headline, said = problem(tab)
    assert headline == "This file cannot be read"
    assert said.startswith("letter.jpg ")
    assert sentence in said
    assert api.received == []
    assert tab.run("at('send').disabled && at('preview').hidden && !at('invite').hidden")


def test_what_only_the_browser_can_open_is_sent_as_jpeg(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "dog.jpg"
    gradient(64, 48).save(file, "GIF")
    send(tab, file)
    [request] = api.received
    assert (request.content_type, image_of(request.body).format) == ("image/jpeg", "JPEG")


def test_what_the_browser_cannot_open_is_left_to_the_api(
    tab: Tab, api: Api, tmp_path: Path
) -> None:
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"\xff\xd8\xff" + bytes(300))
    api.status, api.answer = 400, {"detail": "The file is truncated."}
    send(tab, file)
    assert [request.body for request in api.received] == [file.read_bytes()]
    assert problem(tab)[1] == "The file is truncated."
    assert tab.run("at('preview').hidden && !at('invite').hidden")
    assert tab.run("!at('after').hidden && at('another').hidden")  # one label at a time
    assert tab.accessible_name("#file").startswith("Drop photos here")


def test_a_folder_is_no_photo(tab: Tab, api: Api, tmp_path: Path) -> None:
    folder = tmp_path / "dog.jpg"
    folder.mkdir()
    (folder / "a").touch()
    send(tab, folder)
    headline, said = problem(tab)
    assert headline == "This file cannot be read"
    assert said.startswith("dog.jpg cannot be read. If it is a folder, choose a photo in it")


NO_CANVAS = "HTMLCanvasElement.prototype.toBlob = (give) => give(null)"


def test_without_a_canvas_the_api_decides(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "flat.png"
    Image.new("RGB", (6000, 3000), "teal").save(file)
    with tab.before_each_page(NO_CANVAS):
        tab.open(api.url)
    send(tab, file)
    assert [request.body for request in api.received] == [file.read_bytes()]


def test_without_a_canvas_too_many_bytes_are_a_sentence(tab: Tab, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    Image.effect_noise((2600, 1900), 90).save(file, "PNG", compress_level=1)
    with tab.before_each_page(NO_CANVAS):
        tab.open(api.url)
    send(tab, file)
    assert "cannot make large.png a smaller JPEG" in problem(tab)[1]
    assert api.received == []
