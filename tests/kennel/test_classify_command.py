"""`kennel classify` on folders that people have."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kennel.conftest import RunKennel
from tests.kennel.fake_api import Api, serving
from tests.kennel.pictures import write_photo

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
