"""`kennel classify` on folders that people have."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.kennel.conftest import RunKennel
from tests.kennel.fake_api import Api, serving
from tests.kennel.pictures import encoded, write_photo

BEAGLE = b'{"is_dog": true, "breeds": [{"breed": "Beagle", "probability": 0.9}]}'
PHOTOS = ["IMG[red].jpg", "a.jfif", "b.JPE", "no ending", "png.jpg", "walk/a.jfif"]
LEFT_OUT = {
    ".DS_Store": "hidden, or the operating system's",
    "notes.jpg": "no photo",
    "phone.heic": "HEIC, and JPEG, PNG and WebP are taken",
}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as server:
        server.responses = [(200, {}, BEAGLE)]
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in PHOTOS:
        write_photo(tmp_path / name, "PNG" if name.startswith("png") else "JPEG")
    for name in LEFT_OUT:
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" if "heic" in name else b"notes")
    return tmp_path


def test_a_folder_is_classified_and_all_else_in_it_listed(
    folder: Path, api: Api, kennel: RunKennel
) -> None:
    result = kennel("classify", str(folder), "--url", api.url, "--key", "key")
    assert result.status == 0
    for name in PHOTOS:
        assert f"│ {name} " in result.stdout
    lines = [line for line in result.stderr.splitlines() if line.startswith("left out")]
    assert lines == [f"left out: {folder / name} ({why})" for name, why in LEFT_OUT.items()]


def test_json_has_a_line_for_every_file(folder: Path, api: Api, kennel: RunKennel) -> None:
    result = kennel("classify", str(folder), "--json", "--url", api.url, "--key", "key")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["photo"] for line in lines] == [
        str(folder / name) for name in [*PHOTOS, *LEFT_OUT]
    ]
    assert [line["status"] for line in lines] == [200] * len(PHOTOS) + [None] * len(LEFT_OUT)
    problems = [line["problem"] for line in lines[len(PHOTOS) :]]
    assert problems == [f"left out: {why}" for why in LEFT_OUT.values()]
    assert len({tuple(line) for line in lines}) == 1  # the same keys in each


def test_csv_has_a_row_for_every_file(folder: Path, api: Api, kennel: RunKennel) -> None:
    result = kennel("classify", str(folder), "--csv", "--url", api.url, "--key", "key")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["photo"] for row in rows] == [str(folder / name) for name in [*PHOTOS, *LEFT_OUT]]
    assert [row["breed"] for row in rows] == ["Beagle"] * len(PHOTOS) + [""] * len(LEFT_OUT)
    assert [row["problem"] for row in rows[len(PHOTOS) :]] == [
        f"left out: {why}" for why in LEFT_OUT.values()
    ]


# ---------------------------------------------------------------- --top and --explain


def explaining(heat_map: bytes, **more: object) -> tuple[int, dict[str, str], bytes]:
    explain = {"breed": "Beagle", "heat_map": base64.b64encode(heat_map).decode()}
    answer = {**json.loads(BEAGLE), "explain": explain, **more}
    return 200, {}, json.dumps(answer).encode()


def red_left(width: int, height: int) -> bytes:
    heat_map = Image.new("RGBA", (width, height), (255, 64, 0, 0))
    heat_map.paste((255, 64, 0, 255), (0, 0, width // 2, height))
    return encoded(heat_map, "PNG")


def test_explain_writes_a_picture_of_each_dog(tmp_path: Path, api: Api, kennel: RunKennel) -> None:
    lying = Image.new("RGB", (300, 400), "white")
    exif = Image.Exif()
    exif[0x0112] = 6  # its right side is up
    for name in ("a.jpg", "a.png", "may/a.jpg"):
        file = tmp_path / "walk" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(lying, "JPEG", exif=exif))
    api.responses = [
        explaining(red_left(128, 96)),
        explaining(red_left(128, 96), is_dog=False, dog="no"),
        explaining(red_left(128, 96), dog="perhaps"),
    ]
    out = tmp_path / "out"
    command = ["classify", str(tmp_path / "walk"), "--url", api.url, "--key", "key"]
    result = kennel(*command, "--explain", str(out), "--json")
    assert result.status == 0
    written = sorted(str(file.relative_to(out)) for file in out.rglob("*.*"))
    assert written == ["a.jpg.explained.jpg", "may/a.jpg.explained.jpg"]
    with Image.open(out / written[0]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (400, 300))  # upright
        assert picture.getpixel((100, 150)) == pytest.approx((255, 64, 0), abs=8)
        assert picture.getpixel((300, 150)) == pytest.approx((255, 255, 255), abs=8)
    assert result.stderr == f"pictures in {out}: 2\n"
    lines = [json.loads(line)["explain"] for line in result.stdout.splitlines()]
    assert lines == [
        {"breed": "Beagle", "picture": str(out / written[0])},
        None,
        {"breed": "Beagle", "picture": str(out / written[1])},
    ]


def test_pictures_never_replace_photos(folder: Path, api: Api, kennel: RunKennel) -> None:
    before = {name: (folder / name).read_bytes() for name in PHOTOS}
    api.responses = [explaining(red_left(8, 6))]
    command = ["classify", str(folder), "--url", api.url, "--key", "key"]
    assert kennel(*command, "--explain", str(folder)).status == 0
    assert {name: (folder / name).read_bytes() for name in PHOTOS} == before
    assert all((folder / f"{name}.explained.jpg").exists() for name in PHOTOS)


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        ((200, {}, BEAGLE), "this model cannot tell which parts spoke for the breed"),
        (explaining(b"no picture"), "the photo or its heat map cannot be opened (cannot identify"),
    ],
)
def test_a_photo_without_a_picture_is_named(
    folder: Path,
    api: Api,
    kennel: RunKennel,
    response: tuple[int, dict[str, str], bytes],
    sentence: str,
) -> None:
    api.responses = [response]
    command = ["classify", str(folder / "a.jfif"), "--url", api.url, "--key", "key"]
    result = kennel(*command, "--explain", str(folder / "out"))
    assert result.status == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"no picture of {folder}/a.jfif: {sentence}")


def test_a_file_for_a_folder_is_one_sentence(folder: Path, api: Api, kennel: RunKennel) -> None:
    photo = str(folder / "a.jfif")
    result = kennel("classify", photo, "--url", api.url, "--key", "key", "--explain", photo)
    assert result.status == 1
    assert result.stderr.startswith(f"kennel: --explain {photo} is no folder: name one")
    assert api.received == []


def test_one_refused_photo_is_status_1_and_the_rest_is_answered(
    folder: Path, api: Api, kennel: RunKennel
) -> None:
    api.responses = [(400, {}, b'{"detail": "broken [red]"}'), (200, {}, BEAGLE)]
    result = kennel("classify", str(folder), "--url", api.url, "--key", "key")
    assert result.status == 1
    assert "400: broken [red]" in result.stdout
    assert result.stdout.count("Beagle") == len(PHOTOS) - 1


def test_a_folder_without_a_photo_is_one_sentence(tmp_path: Path, kennel: RunKennel) -> None:
    (tmp_path / "notes [red].txt").write_text("notes")
    result = kennel("classify", str(tmp_path), "--url", "http://127.0.0.1:1")
    assert result.status == 1
    (line,) = result.stderr.splitlines()
    assert line == (
        f"kennel: {tmp_path} holds no photo: expected JPEG, PNG or WebP, whatever their names "
        f"(left out: {tmp_path}/notes [red].txt: no photo)"
    )
