"""An exported folder runs without Kennel and gives the package's answers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dogbreeds import Classifier, PackageError, load
from dogbreeds.package.export import export_package, main
from tests.model.pictures import picture, saved, write

RUNNERS = {"onnx": "onnxruntime", "openvino": "openvino"}


@pytest.fixture(scope="module")
def classifier(package: Path) -> Classifier:
    return load(package)


@pytest.fixture(scope="module", params=RUNNERS)
def exported(
    request: pytest.FixtureRequest, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    out = tmp_path_factory.mktemp("exported") / "new" / request.param
    export_package(package, request.param, out)
    return RUNNERS[request.param], out


def photos(folder: Path, smoke: bytes) -> list[Path]:
    """Photos of the kinds that the API takes: turned, large, transparent, grey, wide, tiny."""
    turned = Image.Exif()
    turned[0x0112] = 6
    large = picture(3, (1400, 1000))
    clear = picture(4, (500, 400)).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    bodies = {
        "smoke.jpg": smoke,
        "turned.jpg": saved(large, exif=turned.tobytes()),
        "cmyk.jpg": saved(large.convert("CMYK")),
        "progressive.jpg": saved(large, progressive=True),
        "clear.png": saved(clear, "PNG"),
        "palette.png": saved(clear.convert("RGB").convert("P"), "PNG", transparency=3),
        "deep.png": saved(picture(5).convert("L").convert("I;16").point(lambda v: v * 256), "PNG"),
        "wide.webp": saved(picture(6, (1500, 300)), "WEBP"),
        "tiny.png": saved(picture(7, (3, 2)), "PNG"),
    }
    return [write(folder / name, body) for name, body in bodies.items()]


def run_alone(folder: Path, library: str, files: list[Path], cwd: Path) -> list[Any]:
    """Run the script where no module of Kennel can be imported, nor what it needs not."""
    others = {"torch", "kennel", "dogbreeds", "timm", *RUNNERS.values()} - {library}
    code = (
        "import runpy, sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(others)}))\n"  # None: an import fails
        f"sys.argv[1:] = {[str(file) for file in files]}\n"
        f"runpy.run_path({str(folder / 'classify.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_script_answers_as_the_package(
    exported: tuple[str, Path], classifier: Classifier, smoke_bytes: bytes, tmp_path: Path
) -> None:
    library, folder = exported
    files = photos(tmp_path, smoke_bytes)
    answers = run_alone(folder, library, files, tmp_path)
    for file, answer, expected in zip(files, answers, classifier.classify(files), strict=True):
        assert answer["photo"] == str(file)
        assert answer["model"] == expected["model"]
        assert answer["is_dog"] == expected["is_dog"], file
        assert [each["breed"] for each in answer["breeds"]] == [
            each["breed"] for each in expected["breeds"]
        ], file
        for ours, theirs in zip(answer["breeds"], expected["breeds"], strict=True):
            assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-3), file


def test_the_folder_holds_all_as_data(exported: tuple[str, Path], package: Path) -> None:
    library, folder = exported
    network = {"onnxruntime": {"network.onnx"}, "openvino": {"network.xml", "network.bin"}}
    assert {file.name for file in folder.iterdir()} == {
        *("breeds.json", "classify.py", "model.json", "smoke.jpg"),
        *network[library],
    }
    assert (folder / "breeds.json").read_bytes() == (package / "breeds.json").read_bytes()
    model = json.loads((folder / "model.json").read_text())
    card = json.loads((package / "card.json").read_text())
    assert model["postprocess"]["temperature"] == card["temperature"]
    assert model["postprocess"]["dog_threshold"] == card["dog_threshold"]
    assert model["preprocess"]["size"] == card["input"]["size"]
    lines = (folder / "classify.py").read_text().splitlines()
    assert max(map(len, lines)) <= 100


def test_a_folder_that_holds_something_is_left_alone(package: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PackageError, match=r"is no empty folder; name a new one by --out"):
        export_package(package, "openvino", tmp_path)
    with pytest.raises(PackageError, match=r"is no empty folder"):
        export_package(package, "openvino", tmp_path / "mine.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_export_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    with pytest.raises(PackageError, match="is not a whole model package"):
        main([str(tmp_path / "model.tar.gz"), "--to", "onnx", "--out", str(tmp_path / "out")])
    assert [file.name for file in tmp_path.iterdir()] == ["model.tar.gz"]
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--to", "tflite", "--out", "x"])
    assert "invalid choice: 'tflite'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_package_without_a_compiled_network_is_exported_from_its_weights(
    package: Path, tmp_path: Path, classifier: Classifier
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in package.iterdir():
        if file.is_file() and not file.name.startswith("network"):
            (bare / file.name).symlink_to(file)
    export_package(bare, "openvino", tmp_path / "out")
    photo = write(tmp_path / "a.jpg", 1)
    (answer,) = run_alone(tmp_path / "out", "openvino", [photo], tmp_path)
    expected = classifier.classify(photo)["breeds"][0]
    assert answer["breeds"][0]["breed"] == expected["breed"]
