"""model/classify.py: a row for each photo, whatever the others are."""

import base64
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dogbreeds.serving.classify import CSV_COLUMNS, main
from tests.model.pictures import picture, saved, write

SCRIPT = Path(__file__).resolve().parents[4] / "model" / "classify.py"
BROKEN = b"\xff\xd8\xff broken"


@pytest.fixture
def walk(tmp_path: Path, smoke_bytes: bytes) -> Path:
    folder = tmp_path / "walk"
    write(folder / "a dog.jpg", smoke_bytes)
    write(folder / "broken.jpg", BROKEN)
    write(folder / "deep" / "grey.png", saved(picture(1).convert("L"), "PNG"))
    write(folder / "notes.txt", b"notes")
    write(folder / ".hidden", b"x")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_a_table_goes_on_after_a_broken_photo(
    package: Path, walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "--model", package, walk)
    header, dog, broken, grey = out.splitlines()
    assert header.split() == ["photo", "breed", "probability", "dog?", "ms"]
    assert dog.startswith(f"{walk}/a dog.jpg  ")
    assert "Bull Mastiff" in dog and " yes " in dog
    assert "are truncated or broken" in broken
    assert grey.startswith(f"{walk}/deep/grey.png")
    assert status == 1
    assert err.splitlines() == [
        f"left out: {walk}/.hidden (hidden, or the operating system's)",
        f"left out: {walk}/notes.txt (no photo)",
    ]


def test_json_and_csv_have_every_file(
    package: Path, walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "--model", package, "--json", walk, walk / "notes.txt")
    lines = [json.loads(line) for line in out.splitlines()]
    names = ["a dog.jpg", "broken.jpg", "deep/grey.png", "notes.txt", ".hidden", "notes.txt"]
    assert [line["photo"] for line in lines] == [str(walk / name) for name in names]
    assert lines[0]["breeds"][0][0] == "Bull Mastiff"
    assert [bool(line["problem"]) for line in lines] == [False, True, False, True, True, True]
    assert "no JPEG, PNG or WebP" in lines[3]["problem"]  # named, so it is tried
    assert lines[-1]["problem"] == "left out: no photo"
    assert status == 1

    _, out, _ = run(capsys, "--model", package, "--csv", walk / "a dog.jpg")
    header, row = csv.reader(io.StringIO(out))
    assert header == list(CSV_COLUMNS)
    assert row[:2] == [str(walk / "a dog.jpg"), "Bull Mastiff"]
    assert row[3] == "yes" and row[5] == ""


def test_mistakes_are_one_sentence(
    package: Path, walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, _ = run(capsys, "--model", tmp_path / "typo.tar.gz", walk)
    assert status == f"There is no {tmp_path}/typo.tar.gz; name the model.tar.gz of a training."
    status, _, _ = run(capsys, "--model", package, tmp_path / "typo.jpg")
    assert status == f"{tmp_path}/typo.jpg does not exist: name a photo or a folder of photos"
    status, _, err = run(capsys, "--model", package)
    assert status == 2 and "name photos or folders of photos" in err


def test_names_from_stdin_and_a_photo_that_is_gone(package: Path, walk: Path) -> None:
    odd = walk / os.fsdecode(b"odd \n \xff.jpg")
    (walk / "a dog.jpg").rename(odd)
    names = b"\0".join(os.fsencode(name) for name in (odd, walk / "gone.jpg")) + b"\0"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--model", package, "--json", "--files0-from", "-"],
        input=names,
        capture_output=True,
        check=False,
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["photo"], first["is_dog"]) == (str(odd), True)
    assert second["problem"] == "cannot be read (No such file or directory)"
    assert (done.returncode, done.stderr) == (1, b"")


def test_more_breeds_and_heat_maps_are_in_the_json(
    package: Path, walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dog = walk / "a dog.jpg"
    _, out, _ = run(capsys, "--model", package, "--json", "--top", 9, "--explain", dog)
    row = json.loads(out)
    assert len(row["breeds"]) == 9
    assert row["explain"]["breed"] == row["breeds"][0][0]
    assert base64.b64decode(row["explain"]["heat_map"]).startswith(b"\x89PNG")
    _, out, _ = run(capsys, "--model", package, "--json", dog)
    assert (len(json.loads(out)["breeds"]), json.loads(out)["explain"]) == (5, None)
    status, _, _ = run(capsys, "--model", package, "--top", 500, dog)
    assert status == "--top is 500; the model knows 121 breeds."
    status, _, err = run(capsys, "--model", package, "--top", 0, dog)
    assert status == 2 and "--top is 0, expected a whole number from 1" in err
