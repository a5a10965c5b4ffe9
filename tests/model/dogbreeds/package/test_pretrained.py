import os
import subprocess
import sys
from pathlib import Path

import pytest

from dogbreeds.evaluation.degrade import DEGRADATIONS
from dogbreeds.package.archive import sha256
from dogbreeds.photos.decode import load_photo
from dogbreeds.serving.inference import Model, input_fn, predict_fn
from tests.model.pictures import saved

DOGS = {0: "Bull Mastiff", 16: "Dalmatian"}


def test_the_dogs_are_right_and_nothing_else_is_a_dog(
    model: Model, foolbox_photos: dict[int, Path]
) -> None:
    called_dogs = {}
    for number, path in foolbox_photos.items():
        answer = predict_fn(input_fn(path.read_bytes(), "image/jpeg"), model)
        if answer["is_dog"]:
            called_dogs[number] = answer["breeds"][0]["breed"]
    assert called_dogs == DOGS


@pytest.mark.shared
def test_few_real_photos_without_a_dog_are_called_dogs(model: Model, shared_data: Path) -> None:
    photos = sorted((shared_data / "notdogs").iterdir())[:60]
    wrong = [_dog(model, path) for path in photos if _dog(model, path) != "no"]
    assert wrong.count("yes") <= 2 and len(wrong) <= 4, wrong  # cats


@pytest.mark.shared
def test_most_real_dogs_are_called_dogs(model: Model, shared_data: Path) -> None:
    photos = [
        path
        for folder in sorted((shared_data / "woof10" / "test").iterdir())
        for path in sorted(folder.iterdir())[:6]
    ]
    dogs = sum(_dog(model, path) != "no" for path in photos)
    assert dogs / len(photos) >= 0.95, f"{dogs} of {len(photos)}"


@pytest.mark.slow
@pytest.mark.shared
def test_a_dog_in_a_bad_photo_is_perhaps_one(model: Model, shared_data: Path) -> None:
    photos = sorted((shared_data / "woof10" / "test").rglob("*.*"))[::8]
    for make in DEGRADATIONS:
        made = [saved(make(load_photo(path)), "PNG") for path in photos]
        answers = [predict_fn(input_fn(body, "image/png"), model) for body in made]
        missed = sum(answer["dog"] == "no" for answer in answers)
        assert missed <= 0.08 * len(photos), (make.__name__, missed)


@pytest.mark.slow
def test_the_command_line_makes_the_very_bytes_of_the_bundle(
    bundle_folder: Path, tmp_path: Path
) -> None:
    # Another process, another day, another folder: the same inputs give the same package.
    out = tmp_path / "out" / "model.tar.gz"
    home = tmp_path / "home"
    home.mkdir()
    module = "dogbreeds.package.pretrained"
    command = [sys.executable, "-W", "error", "-m", module, "--out", str(out)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(home)},
    )
    assert "tf_efficientnet_lite2-pretrained@" in done.stdout
    assert done.stdout.endswith("smoke photo: Bull Mastiff\n")
    assert sha256(out) == sha256(bundle_folder / "model.tar.gz")
    assert list(out.parent.iterdir()) == [out]
    assert list(home.iterdir()) == []  # see serving/engine.py


def _dog(model: Model, path: Path) -> str:
    return str(predict_fn(input_fn(path.read_bytes(), "image/jpeg"), model)["dog"])
