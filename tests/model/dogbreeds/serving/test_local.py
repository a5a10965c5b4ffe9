"""A package is loaded from an archive or a folder, and classifies what people have."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import assert_type

import numpy as np
import pytest
from PIL import Image

import dogbreeds
from dogbreeds import Answer, Classifier, PackageError, PhotoError, load
from dogbreeds.serving.inference import Model, input_fn, predict_fn
from dogbreeds.serving.local import Photo
from tests.model.pictures import picture, saved

MODEL = Path(dogbreeds.__file__).parents[1]


@pytest.fixture(scope="module")
def classifier(package: Path) -> Classifier:
    return load(package)


@pytest.fixture(scope="module")
def large() -> bytes:
    """A JPEG that the API decodes at half its scale, turned by its EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture(3, (900, 700)), quality=92, exif=exif.tobytes())


def without_time(answer: Answer) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "took_ms"}


def test_an_answer_is_the_endpoints(classifier: Classifier, model: Model, large: bytes) -> None:
    expected = predict_fn(input_fn(large, "image/jpeg"), model)
    answer = classifier.classify(large)
    assert set(answer) == set(expected) == Answer.__required_keys__
    assert without_time(answer) == {key: expected[key] for key in expected if key != "took_ms"}
    assert answer["model"] == classifier.name == model.label
    assert classifier.breeds == [entry.breed for entry in model.breeds]
    assert json.loads(json.dumps(answer)) == answer


def test_top_is_the_number_of_breeds(classifier: Classifier, large: bytes) -> None:
    known = len(classifier.breeds)
    assert [len(classifier.classify(large, top=top)["breeds"]) for top in (1, known)] == [1, known]
    (answer,) = classifier.classify([large], top=7)
    assert len(answer["breeds"]) == 7
    for top in (0, known + 1):
        with pytest.raises(ValueError, match=f"top is {top}, expected 1 to {known}"):
            classifier.classify(large, top=top)


def test_more_is_said_where_it_is_asked_for_or_the_package_can(model: Model, large: bytes) -> None:
    card = replace(model.card, likely_threshold=0.05)
    classifier = Classifier(replace(model, card=card))
    answers = [
        classifier.classify(large, explain=True),
        *classifier.classify([large], explain=True),
    ]
    for answer in answers:
        assert set(answer) == set(typing.get_type_hints(Answer))
        assert answer["explain"]["breed"] == answer["likely"][0] == answer["breeds"][0]["breed"]
        with Image.open(io.BytesIO(base64.b64decode(answer["explain"]["heat_map"]))) as heat_map:
            assert heat_map.height > heat_map.width  # upright, as the photo is


def test_a_photo_is_a_path_bytes_or_a_pillow_image(
    classifier: Classifier, large: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(large)
    expected = without_time(classifier.classify(path))
    assert without_time(classifier.classify(str(path))) == expected
    assert without_time(classifier.classify(large)) == expected
    with Image.open(path) as opened:
        assert without_time(classifier.classify(opened)) == expected
        opened.load()  # and it can still be used
        assert opened.size == (900, 700)


@pytest.mark.parametrize(
    "image",
    [
        picture(1).convert("RGBA"),
        picture(1).convert("LA"),
        picture(1).convert("L"),
        picture(1).convert("P"),
        picture(2, (1400, 500)),
        picture(1).convert("L").convert("I;16"),
    ],
    ids=lambda image: image.mode,
)
def test_pixels_in_memory_are_those_of_their_png(
    classifier: Classifier, image: Image.Image
) -> None:
    if image.mode in {"RGBA", "LA"}:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    before = image.tobytes()
    expected = classifier.classify(saved(image, "PNG"))
    assert without_time(classifier.classify(image)) == without_time(expected)
    assert image.tobytes() == before


def test_modes_that_no_png_has(classifier: Classifier) -> None:
    plain = without_time(classifier.classify(picture(1).convert("CMYK").convert("RGB")))
    assert without_time(classifier.classify(picture(1).convert("CMYK"))) == plain
    with pytest.raises(PhotoError, match="0 x 9 pixels cannot be converted"):
        classifier.classify(Image.new("RGB", (0, 9)))


@pytest.mark.parametrize(
    "received",
    [None, 5, [None], bytearray(b"a"), memoryview(b"a"), io.BytesIO(b"a"), np.zeros((9, 9, 3))],
)
def test_an_argument_that_is_no_photo_is_refused_with_its_type(
    classifier: Classifier, received: Photo
) -> None:
    with pytest.raises(TypeError, match=r"Received a \w+; a photo is a path, the bytes of a file"):
        classifier.classify(received)


def test_several_photos_are_answered_in_order_as_each_alone(
    classifier: Classifier, tmp_path: Path
) -> None:
    path = tmp_path / "one.png"
    picture(1).save(path)
    photos: list[Photo] = [path, str(path), saved(picture(2)), picture(3)]
    photos += [picture(number) for number in range(4, 12)]
    answers = classifier.classify(photos)
    assert list(map(without_time, answers)) == [
        without_time(classifier.classify(photo)) for photo in photos
    ]
    assert (
        list(map(without_time, classifier.classify(iter(photos[:2]))))
        == [without_time(answers[0])] * 2
    )
    assert classifier.classify([]) == []


def test_a_broken_photo_is_refused_in_the_apis_words(
    classifier: Classifier, large: bytes, tmp_path: Path
) -> None:
    with pytest.raises(PhotoError, match="are truncated or broken"):
        classifier.classify(large[: len(large) // 2])
    with pytest.raises(PhotoError, match="are truncated or broken"):
        classifier.classify(Image.open(io.BytesIO(large[: len(large) // 2])))
    with pytest.raises(PhotoError, match="no JPEG, PNG or WebP"):
        classifier.classify([large, b"notes"])
    with pytest.raises(FileNotFoundError):
        classifier.classify(tmp_path / "gone.jpg")


@pytest.mark.parametrize("form", ["archive", "folder with it", "unpacked"])
def test_a_package_is_an_archive_or_a_folder(
    bundle_folder: Path, package: Path, classifier: Classifier, form: str, tmp_path: Path
) -> None:
    shutil.copy(bundle_folder / "model.tar.gz", tmp_path)
    path = {"archive": tmp_path / "model.tar.gz", "folder with it": tmp_path, "unpacked": package}
    loaded = load(str(path[form]))
    # the archive's temporary folder is gone now, and a batch is compiled from what was read
    model = loaded._model
    size = model.card.input.size
    logits, _ = model.engine(np.zeros((2, size, size, 3), np.uint8))
    assert logits.shape == (2, 121)
    answer = loaded.classify(picture(1))
    assert without_time(answer) == without_time(classifier.classify(picture(1)))


def rewritten(package: Path, to: Path, change: Callable[[Path], object]) -> Path:
    """Return a changed package, of links to all files that are not changed."""
    to.mkdir()
    for file in package.iterdir():
        if file.is_file():
            (to / file.name).symlink_to(file)
    change(to)
    return to


def set_in_card(folder: Path, **values: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    for name, value in values.items():
        (card["input"] if name in card["input"] else card)[name] = value
    (folder / "card.json").unlink()
    (folder / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "card.json").unlink(), "neither card.json nor model.tar.gz"),
        (lambda folder: (folder / "breeds.json").unlink(), "has no breeds.json"),
        (lambda folder: (folder / "network.bin").unlink(), "has no network.bin"),
        (lambda folder: (folder / "smoke.jpg").unlink(), "smoke.jpg cannot be read"),
        (lambda folder: set_in_card(folder, temperature="hot"), "could not convert"),
        (lambda folder: set_in_card(folder, temperature=0), "0, expected 1e-06 to"),
        (lambda folder: set_in_card(folder, size=10**9), "expected 1 to 2048"),
        (lambda folder: set_in_card(folder, mean=[0.5]), "not enough values"),
        (lambda folder: set_in_card(folder, size=128), "engine cannot run the model package"),
        (lambda folder: set_in_card(folder, smoke_breed="Cat"), "expected 'Cat'"),
    ],
)
def test_a_broken_package_is_one_sentence(
    package: Path, tmp_path: Path, change: Callable[[Path], object], sentence: str
) -> None:
    broken = rewritten(package, tmp_path / "broken", change)
    with pytest.raises(PackageError, match=sentence) as refused:
        load(broken)
    assert "\n" not in str(refused.value)


def process(code: str, *, cwd: Path) -> str:
    """Run Python in a process of its own that sees model/ only; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(MODEL), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_neither_the_import_nor_a_photo_needs_pytorch(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(saved(picture(1)))
    code = (
        "import sys; import dogbreeds\n"
        "assert not {'numpy', 'PIL', 'openvino'} & set(sys.modules)\n"
        "from dogbreeds import load\n"
        f"answer = load({str(bundle_folder / 'model.tar.gz')!r}).classify('photo.jpg')\n"
        "print(answer['is_dog'], sorted({'torch', 'timm', 'dogbreeds.serving.eager'} &"
        " set(sys.modules)))"
    )
    assert process(code, cwd=tmp_path) in {"True []\n", "False []\n"}


def test_a_package_without_a_compiled_network_runs_in_pytorch(
    package: Path, classifier: Classifier, tmp_path: Path
) -> None:
    def drop_compiled(folder: Path) -> None:
        for file in folder.glob("network*"):
            file.unlink()

    eager = load(rewritten(package, tmp_path / "eager", drop_compiled))
    assert type(eager._model.engine).__name__ == "EagerEngine"
    expected, answer = (each.classify(picture(1)) for each in (classifier, eager))
    assert answer["breeds"][0]["breed"] == expected["breeds"][0]["breed"]
    assert answer["dog_score"] == pytest.approx(expected["dog_score"], abs=1e-3)


def test_a_name_that_only_a_hub_knows_is_not_fetched(package: Path, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        set_in_card(folder, backbone="hf-hub:somebody/network")
        for file in folder.glob("network*"):
            file.unlink()

    with pytest.raises(PackageError, match="timm has no backbone 'hf-hub:somebody/network'"):
        load(rewritten(package, tmp_path / "hub", change))


def test_types_are_public(classifier: Classifier) -> None:
    assert (MODEL / "dogbreeds" / "py.typed").is_file()
    photo = saved(picture(1))  # mypy checks these lines
    assert_type(classifier.classify(photo), Answer)
    assert_type(classifier.classify([photo]), list[Answer])
    paths: list[str] = []
    assert_type(classifier.classify(paths), list[Answer])


def test_an_archive_that_is_cut_is_one_sentence(bundle_folder: Path, tmp_path: Path) -> None:
    whole = (bundle_folder / "model.tar.gz").read_bytes()
    cut = tmp_path / "model.tar.gz"
    for length in (0, 100, len(whole) // 2, len(whole) - 4):
        cut.write_bytes(whole[:length])
        with pytest.raises(PackageError, match="is not a whole model package") as refused:
            load(cut)
        assert "\n" not in str(refused.value)


def test_what_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="'dogbreeds' has no attribute 'lod'"):
        _ = dogbreeds.lod  # type: ignore[attr-defined]
    assert all(hasattr(dogbreeds, name) for name in dogbreeds.__all__)
