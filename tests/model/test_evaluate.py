import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dogbreeds.data.dataset import DataError, read, read_test
from dogbreeds.evaluation.evaluate import evaluate_package, evaluation, main, table
from dogbreeds.evaluation.metrics import wilson
from tests.model.pictures import picture, saved, write

ROOT = Path(__file__).resolve().parents[2]
NAMES = [f"test/x/{number}.jpg" for number in range(6)]


def test_the_numbers_of_six_photos() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    said = [0, 1, 1, 0, 2, 0]
    shares = np.full((6, 3), 0.1)
    shares[np.arange(6), said] = 0.8
    metrics = evaluation(shares, labels, ["a", "b", "c"], NAMES)
    assert metrics["top1"] == 0.5 and metrics["macro_recall"] == 0.5
    assert metrics["top5"] is None and "top-5" not in table(metrics)  # it would always be 1
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


def test_coverage_and_size_of_the_sets_of_likely_breeds() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.3, 0.6], [0.4, 0.3, 0.3]])
    labels = np.array([0, 1, 0, 0])
    assert evaluation(shares, labels, [*"abc"], NAMES[:4])["likely"] is None
    metrics = evaluation(shares, labels, [*"abc"], NAMES[:4], likely=0.35)
    likely = metrics["likely"]
    assert (likely["of_threshold"], likely["coverage"], likely["mean_size"]) == (0.75, 0.75, 1.25)
    assert likely["of_threshold_interval"] == list(wilson(3, 4))
    likely = evaluation(shares, labels, [*"abc"], NAMES[:4], likely=0.5)["likely"]
    assert (likely["of_threshold"], likely["coverage"], likely["mean_size"]) == (0.25, 0.5, 1.0)
    assert "0.750 hold the right breed, 1.25 breeds on average" in table(metrics)
    json.dumps(metrics)


def test_breeds_that_the_model_lacks_are_never_among_the_first_five() -> None:
    shares = np.zeros((3, 9))
    shares[:, :6] = 1 / 6
    metrics = evaluation(shares, np.array([6, 7, 8]), [*"abcdefghi"], NAMES[:3], known=6)
    assert metrics["top1"] == 0 and metrics["top5"] == 0
    shares = np.pad(np.eye(2), ((0, 0), (0, 4)))
    assert evaluation(shares, np.array([4, 5]), [*"abcdef"], NAMES[:2], known=2)["top5"] is None


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


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, dict[str, Any]]:
    """Return what the command prints above its last line, and that line."""
    main(arguments)
    *lines, last = capsys.readouterr().out.splitlines()
    return "\n".join(lines), json.loads(last)


@pytest.fixture
def trained(package: Path, tmp_path: Path) -> Path:
    """A package that somebody trained."""
    folder = tmp_path / "trained"
    shutil.copytree(package, folder)
    card = json.loads((folder / "card.json").read_text())
    card["data"] = {"photos": {"train": 40, "valid": 5, "test": 5}}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_a_flat_folder_counts_by_the_photos_that_training_leaves_to_the_test(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "photos"
    for number in range(40):
        write(data / ("beagle", "boxer")[number % 2] / f"{number}.jpg", number)
    expected = {photo.name for photo in read(data).of_split("test")}
    assert {photo.name for photo in read_test(data).photos} == expected
    text, metrics = evaluate(capsys, "--model", str(trained), "--data", str(data))
    assert metrics["photos"] == len(expected) < 20 and metrics["split_by_content"]
    assert f"has no test/: the {len(expected)} photos count that training takes out" in text
    text, metrics = evaluate(capsys, "--model", str(trained), "--data", str(data), "--all")
    assert metrics["photos"] == 40 and "has no test/" not in text


def test_files_that_cannot_be_decoded_are_listed_and_left_out(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "test"):
        for number in range(4):
            write(tmp_path / split / ("beagle", "boxer")[number % 2] / f"{number}.jpg", number)
    write(tmp_path / "test" / "beagle" / "torn.jpg", saved(picture(9))[:900])
    write(tmp_path / "test" / "boxer" / "empty.jpg", b"")
    write(tmp_path / "test" / "loose.jfif", 10)
    (tmp_path / "test" / "boxer" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    text, metrics = evaluate(
        capsys, "--model", str(package), "--data", str(tmp_path), "--accept", "outside"
    )
    assert metrics["findings"] == {"unreadable": 3, "outside": 1}
    assert "test/beagle/torn.jpg: The 900 bytes received begin like a photo" in text
    assert "test/boxer/empty.jpg: The file is empty." in text
    assert "test/boxer/gone.jpg: unreachable: No such file" in text
    assert "test/loose.jfif" in text


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([], "holds no photos"),
        (["1.jpg", "2.jpg"], "2 photos lie right in .* and not in a folder for each breed"),
        (["beagle/1.txt"], "holds 1 files, and no photo"),
        (["beagle/1.jpg"], "There is no photo left to evaluate on.\nunreadable: 1 cannot be"),
    ],
)
def test_a_folder_without_a_photo_to_evaluate_on_is_said(
    package: Path, tmp_path: Path, files: list[str], sentence: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in files:
        write(data / name, b"")
    with pytest.raises(SystemExit, match=sentence):
        main(["--model", str(package), "--data", str(data)])


def test_data_and_models_that_cannot_be_evaluated_end_in_one_sentence(
    package: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        evaluate_package(package, tmp_path / "none")
    write(tmp_path / "data" / "beagle" / "1.jpg", 1)
    write(tmp_path / "data" / "boxer" / "2.jpg", 2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no photos"):
        evaluate_package(package, tmp_path / "data", tmp_path / "empty")
    command = [sys.executable, str(ROOT / "model" / "evaluate.py"), "--data", str(tmp_path)]
    done = subprocess.run(
        [*command, "--model", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "model.tar.gz; name the" in done.stderr and "Traceback" not in done.stderr
