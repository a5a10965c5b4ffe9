import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.data.dataset import DataError
from dogbreeds.evaluation.evaluate import evaluate_package, evaluation, table
from tests.model.pictures import write

ROOT = Path(__file__).resolve().parents[2]
NAMES = [f"test/x/{number}.jpg" for number in range(6)]


def test_the_numbers_of_six_photos() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    said = [0, 1, 1, 0, 2, 0]
    shares = np.full((6, 3), 0.1)
    shares[np.arange(6), said] = 0.8
    metrics = evaluation(shares, labels, ["a", "b", "c"], NAMES)
    assert metrics["top1"] == 0.5 and metrics["macro_recall"] == 0.5 and metrics["top5"] == 1.0
    assert metrics["confusion"] == [[1, 1, 0], [1, 1, 0], [1, 0, 1]]
    assert metrics["ece"] == pytest.approx(
        0.5
    )  # bins of one photo: three |0.8 - 1|, three |0.8 - 0|
    assert metrics["per_breed"]["c"] == {"recall": 0.5, "photos": 2}
    assert metrics["most_confused"][0] == {
        "truth": "a", "said": "b", "count": 1, "photos": ["test/x/1.jpg"]
    }  # fmt: skip
    assert len(metrics["most_confused"]) == 3
    assert metrics["auroc_not_dog"] is None and metrics["live"] is None
    json.dumps(metrics)  # no NumPy type is left


def test_imagenets_names_are_counted_and_said() -> None:
    names = ["test/beagle/n02088364_10.jpg", "test/beagle/mine.jpg"]
    metrics = evaluation(np.eye(2), np.array([0, 1]), ["a", "b"], names)
    assert metrics["imagenet_photos"] == 1
    assert "1 of 2 photos are ImageNet's" in table(metrics)


def test_a_breed_without_photos_has_no_recall() -> None:
    metrics = evaluation(np.eye(3)[:2], np.array([0, 1]), ["a", "b", "c"], NAMES[:2])
    assert metrics["per_breed"]["c"] == {"recall": None, "photos": 0}
    assert metrics["macro_recall"] == 1.0
    assert "c   " not in table(metrics)


@pytest.fixture(scope="module")
def result(
    package: Path,
    smoke_bytes: bytes,
    foolbox_photos: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> "subprocess.CompletedProcess[str]":
    """The command on two dogs and a breed that the model lacks, and on things that are no dogs."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "bull_mastiff" / "1.jpg", smoke_bytes)
    write(folder / "dalmatian" / "2.jpg", foolbox_photos[16].read_bytes())
    write(folder / "havanese" / "3.jpg", 3)
    for number in (1, 2, 3, 4):
        write(folder.parent / "others" / f"{number}.jpg", foolbox_photos[number].read_bytes())
    command = [sys.executable, str(ROOT / "model" / "evaluate.py"), "--model", str(package)]
    command += ["--data", str(folder), "--notdogs", str(folder.parent / "others")]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_the_command_prints_a_table_and_ends_with_json(
    result: "subprocess.CompletedProcess[str]",
) -> None:
    lines = result.stdout.splitlines()
    metrics = json.loads(lines[-1])
    assert metrics["photos"] == 3 and metrics["top1"] == pytest.approx(2 / 3)
    assert metrics["breeds_missing"] == ["Havanese"]
    assert 0.5 < metrics["auroc_not_dog"] <= 1
    assert {"top5", "macro_recall", "ece"} <= metrics.keys()
    assert lines[1].split() == ["Bull", "Mastiff", "1", "1.000"]


def test_one_sentence_for_what_cannot_be(package: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        evaluate_package(package, tmp_path / "none")
    write(tmp_path / "data" / "beagle" / "1.jpg", 1)
    write(tmp_path / "data" / "boxer" / "2.jpg", 2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no photos"):
        evaluate_package(package, tmp_path / "data", tmp_path / "empty")
    command = [sys.executable, str(ROOT / "model" / "evaluate.py"), "--data", str(tmp_path)]
    done = subprocess.run(
        [*command, "--model", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "model.tar.gz; name the" in done.stderr and "Traceback" not in done.stderr
