"""model/to_label.py: a queue of every photo that can be read, dogs first, each picture once."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.photos.photo_files import LeftOut
from dogbreeds.serving.inference import Model
from dogbreeds.serving.label_queue import Row, Seen, main, queue, see
from tests.model.pictures import picture, saved, write

BROKEN = b"\xff\xd8\xff broken"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    status: object = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        status = ended.code
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def folder(tmp_path: Path, foolbox_photos: dict[int, Path]) -> Path:
    """Two dogs, one of them twice, a photo of something else, and what cannot be read."""
    folder = tmp_path / "new photos"
    folder.mkdir()
    shutil.copy(foolbox_photos[3], folder / "a no dog.jpg")
    shutil.copy(foolbox_photos[0], folder / "b mastiff.jpg")
    shutil.copy(foolbox_photos[16], folder / "c dalmatian.jpg")
    write(folder / "broken.jpg", BROKEN)
    write(folder / "notes.txt", b"notes")
    shutil.copy(foolbox_photos[16], folder / "z dalmatian again.jpg")
    return folder


def test_dogs_come_first_and_what_is_left_out_is_listed(
    package: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "--model", package, folder)
    header, *rows = out.splitlines()
    assert (status, header.split()) == (0, ["rank", "photo", "guess", "why"])
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    assert sorted("mastiff.jpg" in row for row in rows[:2]) == [False, True]
    assert "a no dog.jpg" in rows[2] and "no dog, by its dog score of 0." in rows[2]
    *left_out, summary = err.splitlines()
    assert [line.partition(" (")[0] for line in left_out] == [
        f"left out: {folder}/notes.txt",
        f"left out: {folder}/broken.jpg",
        f"left out: {folder}/z dalmatian again.jpg",
    ]
    assert left_out[2].endswith(f"(near-duplicate of {folder}/c dalmatian.jpg)")
    assert summary == "3 of 4 photos queued, near-duplicates left out: 1, without a dog and last: 1"


def test_json_and_csv_have_every_file(
    package: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, err = run(capsys, "--model", package, folder, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["rank"] for line in lines] == [1, 2, 3, None, None, None]
    assert {line["guess"] for line in lines[:2]} == {"Bull Mastiff", "Dalmatian"}
    assert (lines[2]["guess"], lines[2]["probability"]) == ("", None)
    assert lines[3]["why"] == "left out: no photo"
    assert err == ""
    _, out, _ = run(capsys, "--model", package, folder, "--csv", "--count", 1)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == list(Row.__dataclass_fields__)
    assert [row["rank"] for row in rows] == ["1", "", "", ""]
    assert rows[1]["probability"] == ""


def test_mistakes_are_one_sentence(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, _ = run(capsys, "--model", tmp_path / "typo.tar.gz", write(tmp_path / "a.jpg", 1))
    assert status == f"There is no {tmp_path}/typo.tar.gz; name the model.tar.gz of a training."
    status, _, _ = run(capsys, "--model", package, tmp_path / "nowhere")
    assert status == f"{tmp_path}/nowhere does not exist: name a photo or a folder of photos"
    status, _, _ = run(capsys, "--model", package, write(tmp_path / "b" / "x.jpg", BROKEN))
    assert str(status).startswith("none of the 1 photos can be read; ")
    status, _, err = run(capsys, "--model", package, "--count", 0, tmp_path)
    assert status == 2 and "--count is 0, expected a whole number from 1" in err


def test_a_file_that_is_gone_is_left_out(model: Model, tmp_path: Path) -> None:
    gone = tmp_path / "gone.jpg"
    assert see(gone, model) == LeftOut(gone, "cannot be read (No such file or directory)")


def test_a_photo_is_seen_as_the_endpoint_sees_it(model: Model, tmp_path: Path) -> None:
    seen = see(write(tmp_path / "a.png", saved(picture(1), "PNG")), model)
    assert isinstance(seen, Seen)
    assert seen.probabilities.sum() == pytest.approx(1)
    assert seen.features.shape == (1280,)


def test_the_calibrated_margin_is_the_reason(model: Model) -> None:
    def photo(name: str, *first: float) -> Seen:
        probabilities = np.full(121, (1 - sum(first)) / (121 - len(first)))
        probabilities[: len(first)] = first
        features = np.random.default_rng(len(name)).normal(size=8).astype(np.float32)
        return Seen(Path(name), probabilities, features, 0.9, None)

    doubtful, sure = photo("doubtful", 0.5, 0.3), photo("sure", 0.97)
    rows, _ = queue([sure, replace(sure, photo=Path("no dog"), dog_score=0.0), doubtful], model, 9)
    assert [row.photo for row in rows] == ["doubtful", "sure", "no dog"]
    breeds = [entry.breed for entry in model.breeds]
    assert (rows[0].guess, rows[0].why) == (breeds[0], f"or {breeds[1]} (0.30)")
    assert (rows[1].guess, rows[1].why) == (breeds[0], "unlike the photos above it")
