import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.package.archive import sha256
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.inference import Model, input_fn, predict_fn

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
    wrong = [path.name for path in photos if _is_dog(model, path)]
    assert len(wrong) <= 2, wrong


@pytest.mark.shared
def test_most_real_dogs_are_called_dogs(model: Model, shared_data: Path) -> None:
    photos = [
        path
        for folder in sorted((shared_data / "woof10" / "test").iterdir())
        for path in sorted(folder.iterdir())[:6]
    ]
    dogs = sum(_is_dog(model, path) for path in photos)
    assert dogs / len(photos) >= 0.85, f"{dogs} of {len(photos)}"


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


def _is_dog(model: Model, path: Path) -> bool:
    photo = prepare(wire_image(path.read_bytes()), model.card.input)
    _, mass = model.engine(photo[np.newaxis])
    return bool(mass[0] >= model.card.dog_threshold)
