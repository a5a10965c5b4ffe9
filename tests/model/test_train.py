"""The whole training as a process, on made pictures: what it writes, says and refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dogbreeds.package.card import Card, read_breeds
from dogbreeds.package.quantize import MIN_PHOTOS
from dogbreeds.photos.decode import load_photo, wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import has_fast_int8
from dogbreeds.serving.inference import input_fn, model_fn, predict_fn, warm_up
from dogbreeds.training.search import read_space
from dogbreeds.training.settings import parse
from dogbreeds.training.start import only_training_into
from dogbreeds.training.train import train
from tests.model.learning import TRAIN, photos_of, run_train
from tests.model.pictures import kennel_of, write
from train import main

BREEDS = ("001.Beagle", "havanese", "n02108089-boxer")
COUNTS = {"train": 6, "valid": 3, "test": 3}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_of(tmp_path_factory.mktemp("photos"), BREEDS, COUNTS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(
    photos: Path, cache: Path, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A training with a search and the pretrained package as the live one."""
    out = tmp_path_factory.mktemp("trained")
    flags = ("--epochs", "10", "--tune", "3", "--live", package)
    done = run_train("--data", photos, "--out", out, "--cache", cache, *flags)
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope="module")
def unpacked_package(trained: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(trained[0] / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_files_in_the_output_folder(trained: tuple[Path, Any]) -> None:
    names = {path.name for path in trained[0].iterdir()}
    assert names == {
        "audit.json", "evaluation.json", "model.tar.gz", "report.html", "tensorboard"
    }  # fmt: skip


def test_the_package_serves(unpacked_package: Path, photos: Path) -> None:
    model = model_fn(str(unpacked_package))
    warm_up(model, unpacked_package)
    body = next((photos / "test" / "havanese").iterdir()).read_bytes()
    answer = predict_fn(input_fn(body, "image/jpeg"), model)
    assert {entry["breed"] for entry in answer["breeds"]} == {"Beagle", "Boxer", "Havanese"}
    assert sum(entry["probability"] for entry in answer["breeds"]) == pytest.approx(1, abs=1e-5)


def test_breeds_and_card(unpacked_package: Path) -> None:
    breeds = [(entry.breed, entry.synset) for entry in read_breeds(unpacked_package)]
    assert breeds == [("Beagle", "n02088364"), ("Boxer", "n02108089"), ("Havanese", "")]
    card = Card.read(unpacked_package)
    assert card.name == "tf_efficientnet_lite2-3-breeds"
    assert card.data["photos"] == {"train": 18, "valid": 9, "test": 9}
    assert card.training["epochs"] == 10 and card.training["tune"] == 3
    assert card.smoke_breed in {"Beagle", "Boxer", "Havanese"}
    assert "/" not in json.dumps(card.training)  # no path of this machine


def test_the_evaluation_is_whole_and_in_the_package(
    trained: tuple[Path, Any], unpacked_package: Path
) -> None:
    text = (trained[0] / "evaluation.json").read_text()
    assert (unpacked_package / "evaluation.json").read_text() == text
    evaluation = json.loads(text)
    assert evaluation["photos"] == 9 and evaluation["breeds"] == ["Beagle", "Boxer", "Havanese"]
    assert sum(map(sum, evaluation["confusion"])) == 9
    right = sum(evaluation["confusion"][i][i] for i in range(3))
    assert evaluation["top1"] == pytest.approx(right / 9)
    assert evaluation["top1_interval"][0] <= evaluation["top1"] <= evaluation["top1_interval"][1]
    assert evaluation["likely"] is None and Card.read(unpacked_package).likely_threshold is None
    wrong = sum(pair["count"] for pair in evaluation["most_confused"])
    assert wrong == 9 - right
    assert all(
        name.startswith("test/") for p in evaluation["most_confused"] for name in p["photos"]
    )


def test_live_is_measured_on_the_same_photos(trained: tuple[Path, Any]) -> None:
    live = json.loads((trained[0] / "evaluation.json").read_text())["live"]
    assert live["photos"] == 9
    assert live["breeds_missing"] == ["Havanese"]
    assert live["top1"] <= 6 / 9  # the three photos of a breed that it lacks are wrong
    evaluation = json.loads((trained[0] / "evaluation.json").read_text())
    assert live["breeds_of_both"]["photos"] == 6
    assert live["breeds_of_both"]["live_top1"] == pytest.approx(live["top1"] * 9 / 6)
    assert live["breeds_of_both"]["top1"] <= 1
    assert live["difference"] == pytest.approx(evaluation["top1"] - live["top1"])


def test_the_log_holds_the_objective_in_each_epoch(trained: tuple[Path, Any]) -> None:
    losses = re.findall(read_space()["objective"]["regex"], trained[1].stdout)
    assert len(losses) == 10
    assert all(0 < float(loss) < 20 for loss in losses)


def test_search_and_the_last_line(trained: tuple[Path, Any]) -> None:
    assert len(re.findall(r"^trial \d:", trained[1].stderr, re.M)) == 3
    last = trained[1].stdout.partition("\nNext:\n")[0].splitlines()[-1]
    assert re.search(r"tf_efficientnet_lite2-3-breeds@[0-9a-f]{12}, top-1 0\.\d{3} \(95 %", last)


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(
    trained: tuple[Path, Any], photos: Path, cache: Path, package: Path, tmp_path: Path
) -> None:
    """The first run computed the features, the second finds them kept; the photos moved, too."""
    moved = photos.rename(photos.with_name("moved"))
    flags = ("--epochs", "10", "--tune", "3", "--live", package, "--cache", cache)
    try:
        assert run_train("--data", moved, "--out", tmp_path, *flags).returncode == 0
    finally:
        moved.rename(photos)
    for name in ("model.tar.gz", "evaluation.json", "audit.json"):
        assert (tmp_path / name).read_bytes() == (trained[0] / name).read_bytes(), name


@pytest.mark.slow
def test_the_same_bytes_with_photos_enough_for_int8(tmp_path: Path) -> None:
    """Without the kept features too: both trainings compute all of it."""
    photos = tmp_path / "photos"
    kennel_of(photos, valid=MIN_PHOTOS // 2)
    written = []
    for name in ("a", "b"):
        out = tmp_path / name
        flags = ("--backbone", "test_resnet", "--random-weights", "--epochs", "3")
        done = run_train(photos, "--out", out, "--cache", tmp_path / f"cache-{name}", *flags)
        assert done.returncode == 0, done.stderr
        written.append((out / "model.tar.gz").read_bytes())
    assert written[0] == written[1]
    with tarfile.open(tmp_path / "a/model.tar.gz") as archive:
        archive.extractall(tmp_path / "package", filter="data")
    card = Card.read(tmp_path / "package")
    assert card.likely_threshold is not None  # random weights have seen none of them
    reason = card.int8["reason"]
    if has_fast_int8():
        assert re.match("int8 was (accepted|refused): top-1", reason)
    else:
        assert reason.startswith("int8 was not tried")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "is_new"), [("{breed}_{number}.jpg", True), ("{number}.jpg", 0)])
def test_sets_of_breeds_need_photos_that_the_backbone_has_not_seen(
    name: str, is_new: bool, tmp_path: Path
) -> None:
    number = 0
    for split, count in {"train": 6, "valid": 12, "test": 3}.items():
        for breed in ("beagle", "boxer"):
            for _ in range(count):
                number += 1
                file = name.format(breed=breed, number=number)
                write(tmp_path / "photos" / split / breed / file, number)
    done = run_train(tmp_path / "photos", "--out", tmp_path / "out", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert (evaluation["likely"] is not None) == is_new
    page = (tmp_path / "out" / "report.html").read_text()
    assert ("smallest set of breeds" in page) == is_new
    assert ("Answers name no set of likely breeds" in page) != is_new
    assert ("sets of likely breeds" in done.stdout) == is_new


def test_a_kill_leaves_the_old_package_and_no_half_new_one(
    photos: Path, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.tar.gz").write_bytes(b"the old one")
    command = [sys.executable, str(TRAIN), "--data", str(photos), "--out", str(out)]
    command += ["--cache", str(cache), "--epochs", "10000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()  # the first epoch is over
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    assert (out / "model.tar.gz").read_bytes() == b"the old one"
    assert not list(out.glob("*.html")) and not (out / "evaluation.json").exists()


@pytest.mark.slow
def test_sagemakers_folders(
    photos: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channels and folders by the environment; SM_MODEL_DIR gets files, which SageMaker packs."""
    for name in ("train", "valid", "test"):
        monkeypatch.setenv(f"SM_CHANNEL_{name.upper()}", str(photos / name))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KENNEL_CACHE", str(cache))
    done = run_train("--epochs", "2", "--head-only", "True")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "code" / "inference.py").is_file()
    model_fn(str(tmp_path / "model"))
    assert not (tmp_path / "data" / "model.tar.gz").exists()
    assert (tmp_path / "data" / "report.html").is_file()


@pytest.mark.parametrize(
    "backbone",
    [
        "test_resnet",
        pytest.param("levit_conv_192", marks=pytest.mark.slow),  # its classifier is no Linear
        pytest.param("resnet50", marks=pytest.mark.rivals),
    ],
)
def test_a_backbone_of_random_weights_says_so(backbone: str, tmp_path: Path) -> None:
    data = kennel_of(tmp_path / "photos", train=5)
    out = tmp_path / "out"
    flags = ("--backbone", backbone, "--random-weights", "--epochs", "2")
    done = run_train(data, "--cache", tmp_path / "cache", "--out", out, *flags)
    assert done.returncode == 0, done.stderr
    assert "RANDOM weights" in done.stderr
    assert "RANDOM weights" in done.stdout.partition("\nNext:\n")[0].splitlines()[-1]
    with tarfile.open(out / "model.tar.gz") as archive:
        archive.extractall(tmp_path / "package", filter="data")
    card = Card.read(tmp_path / "package")
    assert card.dog_score == "max-breed-probability"
    assert card.credits == ("weights: random, seed 20",)
    model = model_fn(str(tmp_path / "package"))
    answer = warm_up(model, tmp_path / "package")
    raw = model.engine(_smoke_pixels(tmp_path / "package", card))[1][0]
    assert answer["dog_score"] == pytest.approx(float(raw), abs=1e-5)
    assert raw >= 0.5  # of two breeds, the more probable one's


def _smoke_pixels(package: Path, card: Card) -> Any:
    return prepare(wire_image((package / "smoke.jpg").read_bytes()), card.input)[None]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("finetune", [False, True])
def test_each_photo_is_decoded_once(finetune: bool, package: Path, tmp_path: Path) -> None:
    """By audit, features, int8, calibration, candidate, live model and report together."""
    photos = kennel_of(tmp_path / "photos", train=5)
    flags = ["--data", str(photos), "--out", str(tmp_path / "out"), "--live", str(package)]
    flags += ["--backbone", "test_resnet", "--random-weights", "--epochs", "1", "--threads", "1"]
    if finetune:
        recipe = write(tmp_path / "one.json", b'{"recipe": "small", "epochs": 1}')
        flags += ["--finetune", "--recipe", str(recipe)]
    decoded: Counter[str] = Counter()

    def decode(path: Path) -> Image.Image:
        decoded[str(path.relative_to(photos))] += 1
        return load_photo(path)

    train(parse(flags, {}), decode=decode)
    assert len(decoded) == 2 * (5 + 2 + 2)
    assert set(decoded.values()) == {1}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--data", "{none}", "--out", "{out}"], "There is no folder"),
        (["--data", "{photos}"], "nowhere to write"),
        (["--out", "{out}"], "There are no photos to train on"),
        (["--data", "{photos}", "--out", "{out}", "--epochs", "none"], "expected a whole number"),
        (["--data", "{photos}", "--out", "{out}", "--shrinkage", "nan"], "expected a number above"),
        (["--data", "{photos}", "--out", "{out}", "--colour", "red"], "Unrecognized arguments"),
        (["--data", "{photos}", "--out", "{out}", "--accept", "all"], "no such finding"),
        (["--data", "{photos}", "--out", "{out}", "--backbone", "resnet5"], "did you mean resnet"),
        (
            ["--data", "{photos}", "--out", "{out}", "--live", "{photos}"],
            "holds neither card.json nor model.tar.gz",
        ),
        (
            ["--data", "{photos}", "--out", "{out}", "--live", __file__],
            "is not a whole model package",
        ),
        (["{photos}", "--out", "{photos}/trained"], "lies in the folder of photos"),
        (["{photos}", "--out", "{photos}/train/.."], "lies in the folder of photos"),
        (["{photos}", "--out", "{out}", "--cache", "{photos}/c"], "--cache .* lies in the folder"),
        (["--train", "{photos}/train", "--out", "{photos}/train"], "lies in the folder of photos"),
        (["{photos}", "--out", __file__], "is a file; name a folder"),
        (["{photos}", "--out", ""], "--out: received '', expected a path"),
        (["", "--out", "{out}"], "received '', expected a path"),
        (["{photos}", "--data", "{photos}", "--out", "{out}"], "the photos twice"),
        (["{photos}", "--out", "{out}", "--finetune", "--recipe", "smal"], "expected small or"),
        (["{photos}", "--out", "{out}", "--backbone", "resnet50.a1_in"], "resnet50.a1_in1k"),
        (["{photos}", "--out", "{out}", "--backbone-weights", "{none}"], "does not exist"),
        (["{photos}", "--out", "{out}", "--backbone-weights", "{photos}"], "holds 0 files"),
    ],
)
def test_impossible_flags_end_in_one_sentence(
    flags: list[str], sentence: str, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    filled = [flag.format(none=tmp_path / "none", photos=photos, out=out) for flag in flags]
    with pytest.raises(SystemExit, match=sentence) as ending:
        main(filled)
    assert isinstance(ending.value.code, str)
    assert "\n" not in ending.value.code
    assert not out.exists()


def test_a_mistake_costs_no_import_of_pytorch(photos: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    for flags in (
        ("--backbone", "resnet5"),
        ("--live", "typo.tar.gz"),
        ("--finetune", "--recipe", "smal"),
        ("--accept", "all"),
        ("--epohcs", "3"),
    ):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", str(TRAIN), *map(str, (photos, *flags, *out))],
            capture_output=True,
            text=True,
            check=False,
        )
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert done.returncode == 1
        assert "dogbreeds.training.settings" in imported
        assert not {"torch", "timm", "openvino"} & imported, flags


def test_two_trainings_into_one_folder(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with only_training_into(out):
        with pytest.raises(SystemExit, match="Another training writes into") as ending:
            main([str(photos), "--out", str(out)])
        assert "\n" not in str(ending.value.code)
    assert not list(out.iterdir())
    with only_training_into(out):  # it is free again
        pass


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_a_signal_ends_it_with_one_sentence_and_leaves_nothing_behind(
    number: signal.Signals, photos: Path, package: Path, cache: Path, tmp_path: Path
) -> None:
    """Unlike a kill, which test_a_kill_leaves_the_old_package... has."""
    temporary, out = tmp_path / "tmp", tmp_path / "out"
    temporary.mkdir()
    with tarfile.open(tmp_path / "live.tar.gz", "w") as archive:
        archive.add(package, "")  # unpacked into TMPDIR for the whole training
    command = [sys.executable, str(TRAIN), str(photos), "--out", str(out), "--epochs", "10000"]
    command += ["--cache", str(cache), "--live", str(tmp_path / "live.tar.gz")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first epoch is over
    assert list(temporary.iterdir())
    process.send_signal(number)
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith(f"{name} ended the training before it was done")
    assert "Traceback" not in errors
    assert not list(temporary.iterdir())
    assert not (out / "model.tar.gz").exists()


@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "audit.py", "export.py"])
def test_ctrl_c_while_it_still_imports_is_one_sentence(script: str, tmp_path: Path) -> None:
    """A package that is slow to import, in the place of NumPy, says when the script is there."""
    write(
        tmp_path / "numpy.py",
        b"import time; print('importing', flush=True); time.sleep(60)",
    )
    flags = {
        "evaluate.py": ["--model", "m", "--data", "d"],
        "export.py": ["m", "--to", "onnx", "--out", "o"],
    }.get(script, ["photos", "--out", "o"])
    process = subprocess.Popen(
        [sys.executable, str(TRAIN.with_name(script)), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    try:
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert re.fullmatch(r"Ctrl-C ended the \w+ before it was done; .*\n", errors)
