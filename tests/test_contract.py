"""No train/serve skew: a photo answered by the API is the photo that training would have seen.

The two sides share the rules in their folders `decoding`, which are copies of each other, and those
for whole trees of files in their folders `folders`. Here 50 photos go both ways, and a table of odd
files as far as their pixels:

    serving   classify.photo -> classify.wire -> inference.input_fn -> predict_fn (the engine)
    training  photo.wire_image -> preprocess.prepare -> Network (PyTorch)
    a script  dogbreeds.load -> classify
"""

import filecmp
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from bundle import make_bundle
from classify import decoding as serving_rules
from classify import photo as serving
from classify import wire
from common.problem import Problem
from dogbreeds.data import folders as training_folders
from dogbreeds.data.dataset import DataError, Dataset, read
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.network.network import Network
from dogbreeds.package.pretrained import pretrained_network
from dogbreeds.photos import decode as training
from dogbreeds.photos import decoding as training_rules
from dogbreeds.photos import npy, photo_files
from dogbreeds.photos.decode import PhotoError
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving import inference
from dogbreeds.serving.local import Classifier, wire_of
from dogbreeds.serving.parameters import Parameters
from kennel import photo_files as kennel_photo_files
from kennel.preflight import quotas as kennel_quotas
from preflight import data as preflight_data
from preflight import folders as preflight_folders
from preflight import quotas as preflight_quotas
from tests import odd_photos
from tests.functions.aws_account import BUCKET, Account
from tests.functions.classify.photos import encoded, gradient

CACHE = Path(__file__).resolve().parent.parent / ".kennel" / "cache"
COUNT = 50
MAX_DIFFERENCE = 0.02  # of a probability: DESIGN's bound for both paths together


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> inference.Model:
    """The pretrained package, loaded as the endpoint loads it."""
    folder = tmp_path_factory.mktemp("contract")
    make_bundle(folder, CACHE)
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(folder / "package", filter="data")
    return inference.model_fn(str(folder / "package"))


@pytest.fixture(scope="module")
def network() -> Network:
    return pretrained_network()[0]


def textured(seed: int, width: int, height: int) -> Image.Image:
    """A picture with shapes and noise: flat ones would hide a wrong filter or order."""
    random = np.random.default_rng(seed)
    pixels = np.asarray(gradient(width, height), np.int16) + random.normal(
        0, 25, (height, width, 3)
    )
    for _ in range(6):
        left, top = int(random.integers(width)), int(random.integers(height))
        pixels[top : top + height // 4, left : left + width // 4] = random.integers(0, 256, 3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def synthetic() -> list[bytes]:
    """Fifty photos of many sizes: each kind, mode and orientation that phones and cameras write."""
    sizes = [(1000, 750), (750, 1000), (640, 480), (500, 375), (321, 320), (90, 60), (1400, 300)]
    photos = []
    for number in range(COUNT):
        width, height = sizes[number % len(sizes)]
        if number % 6 in (2, 5):  # a PNG of noise that large would be more than the API takes
            width, height = width // 2, height // 2
        image = textured(number, width, height)
        exif = Image.Exif()
        exif[0x0112] = 1 + number % 8
        match number % 6:
            case 0:
                body = encoded(image, "JPEG", quality=90, exif=exif.tobytes())
            case 1:
                body = encoded(image, "JPEG", quality=75, progressive=True, exif=exif.tobytes())
            case 2:
                image.putalpha(Image.linear_gradient("L").resize(image.size))
                body = encoded(image, "PNG", compress_level=1)
            case 3:
                body = encoded(image, "WEBP", quality=80, method=0, exif=exif.tobytes())
            case 4:
                body = encoded(image.convert("CMYK"), "JPEG", subsampling=0)
            case _:
                body = encoded(image.convert(("L", "P", "LA", "1")[number // 6 % 4]), "PNG")
        photos.append(body)
    return photos


def compare(photos: Sequence[bytes], model: inference.Model, network: Network) -> None:
    """Send photos all ways, and hold the answers together."""
    assert len(photos) == COUNT
    classifier = Classifier(model)
    names = [entry.breed for entry in model.breeds]
    for number, body in enumerate(photos):
        sent = serving.decode(body)
        seen = training.wire_image(body)
        assert (sent.width, sent.height) == seen.size, number
        assert sent.pixels == seen.tobytes(), number  # stricter than MAX_DIFFERENCE

        body_sent = wire.encode(sent.width, sent.height, sent.pixels)
        request = inference.input_fn(body_sent, wire.CONTENT_TYPE)
        answer = inference.predict_fn(request, model)

        batch = np.stack([prepare(seen, model.card.input)])
        with torch.inference_mode():
            logits, mass = network(torch.from_numpy(batch))
        (expected,) = softmax(logits.numpy(), model.card.temperature)

        assert answer["breeds"][0]["breed"] == names[int(expected.argmax())], number
        for guess in answer["breeds"]:
            probability = float(expected[names.index(guess["breed"])])
            assert abs(guess["probability"] - probability) <= MAX_DIFFERENCE, (number, guess)
        assert abs(answer["dog_score"] - float(mass[0])) <= MAX_DIFFERENCE, number

        local = classifier.classify(body)
        assert {**local, "took_ms": 0} == {**answer, "took_ms": 0}, number


def test_synthetic_photos_are_the_same_on_both_ways(
    model: inference.Model, network: Network
) -> None:
    compare(synthetic(), model, network)


#: What an endpoint may answer beside what it always does, and what ClassifyFunction hands on.
MORE = {"dog": str, "likely": list, "explain": dict}


def test_an_answer_with_all_that_it_can_hold_is_the_same_on_both_ways(
    model: inference.Model,
) -> None:
    fuller = replace(model, card=replace(model.card, likely_threshold=0.01))
    body = encoded(textured(7, 500, 375), "JPEG", quality=90)
    sent = serving.decode(body)
    request = inference.input_fn(
        wire.encode(sent.width, sent.height, sent.pixels), wire.CONTENT_TYPE
    )
    asked = Parameters.parse("top=121,explain=1")
    answer = inference.predict_fn(replace(request, asked=asked), fuller)
    local = Classifier(fuller).classify(body, explain=True)
    assert {**local, "took_ms": 0, "breeds": []} == {**answer, "took_ms": 0, "breeds": []}
    assert set(answer) == {"model", "is_dog", "dog_score", "breeds", "took_ms", *MORE}
    assert all(isinstance(answer[name], kind) for name, kind in MORE.items())
    named = [entry["breed"] for entry in answer["breeds"]]
    assert answer["likely"] == named[: len(answer["likely"])]
    assert answer["explain"]["breed"] == named[0]
    assert (answer["dog"] == "no") == (not answer["is_dog"])


@pytest.mark.shared
@pytest.mark.slow
def test_real_photos_are_the_same_on_both_ways(
    model: inference.Model, network: Network, shared_data: Path
) -> None:
    breeds = sorted((shared_data / "woof10" / "valid").iterdir())
    files = [file for breed in breeds for file in islice(sorted(breed.iterdir()), 5)]
    compare([file.read_bytes() for file in files], model, network)


def both_ways(body: bytes) -> tuple[bytes, str]:
    """Send a file both ways; return the pixels, or the sentence of its refusal."""
    try:
        sent = serving.decode(body)
    except Problem as problem:
        with pytest.raises(PhotoError) as refusal:
            training.wire_image(body)
        assert str(refusal.value) == problem.detail
        with pytest.raises(PhotoError) as refusal:
            wire_of(body)
        assert str(refusal.value) == problem.detail
        return b"", problem.detail
    seen = training.wire_image(body)
    assert (sent.width, sent.height) == seen.size
    assert sent.pixels == seen.tobytes() == wire_of(body).tobytes()
    return sent.pixels, ""


@pytest.mark.parametrize("name", odd_photos.TABLE)
@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")  # of odd metadata
def test_odd_photos_are_the_same_or_refused_alike_on_both_ways(name: str) -> None:
    odd = odd_photos.TABLE[name]
    pixels, refused = both_ways(odd.make())
    assert odd.refused in refused
    assert bool(odd.refused) == bool(refused), refused
    if odd.like:
        assert pixels == both_ways(odd.like())[0]


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
def test_malformed_photos_are_refused_or_the_same_on_both_ways(shared_data: Path) -> None:
    files = sorted((shared_data / "malformed").iterdir())
    taken = [file.name for file in files if both_ways(file.read_bytes())[0]]
    assert len(taken) >= 10


@pytest.mark.parametrize(
    "sides", [(serving_rules, training_rules), (preflight_folders, training_folders)]
)
def test_both_sides_have_the_same_rules(sides: tuple[ModuleType, ModuleType]) -> None:
    """Neither side may import the other, so the folder with the rules lies in both."""
    ours, theirs = (Path(str(each.__file__)).parent for each in sides)
    files = [file for folder in (ours, theirs) for file in folder.iterdir() if file.is_file()]
    names = sorted({file.name for file in files})
    assert filecmp.cmpfiles(ours, theirs, names, shallow=False) == (names, [], [])


def test_both_command_lines_find_the_same_photos() -> None:
    """Neither side may import the other, so the search for photos lies in both."""
    assert Path(str(photo_files.__file__)).read_bytes() == (
        Path(str(kennel_photo_files.__file__)).read_bytes()
    )


def test_both_preflights_have_the_same_table_of_quotas() -> None:
    """Neither side may import the other, so the table lies in both."""
    ours, theirs = (Path(str(each.__file__)).parent for each in (preflight_quotas, kennel_quotas))
    assert (ours / "quotas.json").read_bytes() == (theirs / "quotas.json").read_bytes()


def two(start: str, photos: int = 4) -> dict[str, int]:
    return {f"{start}/beagle": photos, f"{start}/boxer": photos}


#: Folders with so many photos each, and the splits that they have.
TAKEN: dict[str, tuple[dict[str, int], set[str]]] = {
    "flat": (two("."), {"train"}),
    "splits": ({**two("train"), **two("valid"), **two("test")}, {"train", "valid", "test"}),
    "val": ({**two("train"), **two("val"), **two("test")}, {"train", "valid", "test"}),
    "-ing": (
        {**two("training"), **two("validation"), **two("testing")},
        {"train", "valid", "test"},
    ),
    "capitals": ({**two("Training"), **two("Testing")}, {"train", "test"}),
    "shouted": ({**two("TRAIN"), **two("DEV"), **two("TEST")}, {"train", "valid", "test"}),
    "with more words": (
        {**two("train_images"), **two("dogs-val"), **two("TestSet2")},
        {"train", "valid", "test"},
    ),
    "numbered": ({**two("1_train"), **two("2_hold-out")}, {"train", "test"}),
    "trainval": ({**two("trainval"), **two("test")}, {"train", "test"}),
    "folder in a folder": ({**two("photos/train"), **two("photos/test")}, {"train", "test"}),
    "folders in folders": (two("archive/Dogs 2/images"), {"train"}),
    "images in each split": ({**two("train/images"), **two("test/images")}, {"train", "test"}),
    "Stanford": (
        {
            **two("Images"),
            "Annotation/n02088364-beagle/n02088364_#": 3,
            "lists/#.mat": 3,
        },
        {"train"},
    ),
    "masks beside the photos": ({**two("."), "masks/beagle": 3}, {"train"}),
    "masks in a breed": ({**two("."), "beagle/masks": 3}, {"train"}),
    "splits inside breeds": (
        {f"{breed}/{split}": 4 for breed in ("beagle", "boxer") for split in ("train", "test")},
        {"train", "test"},
    ),
    "years inside breeds": ({"beagle/2020": 3, "beagle/2021": 3, "boxer/a": 4}, {"train"}),
}


def keys(folders: dict[str, int]) -> list[str]:
    """Return names of files: numbers for `#`, or photos in a folder."""
    return [
        (name.replace("#", str(number)) if "#" in name else f"{name}/{number}.jpg").removeprefix(
            "./"
        )
        for name, count in folders.items()
        for number in range(count)
    ]


def both_read(folders: dict[str, int], folder: Path) -> tuple[Dataset, preflight_data.Photos]:
    """Read a tree on the disk and in a bucket."""
    account = Account()
    for key in keys(folders):
        file = folder / "data" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(key.encode())
        account.objects[f"data/{key}"] = key.encode()
    photos = preflight_data.find_photos(account.s3, BUCKET)
    return read(folder / "data"), photos


@pytest.mark.parametrize("layout", TAKEN)
def test_a_tree_is_read_alike_on_a_laptop_and_in_a_job(layout: str, tmp_path: Path) -> None:
    folders, splits = TAKEN[layout]
    dataset, photos = both_read(folders, tmp_path)
    assert dataset.breeds == ("Beagle", "Boxer")
    assert {"train", "valid", "test"} - set(dataset.made_splits) == splits == photos.given
    assert photos.problems == ()
    assert {photo.path for photo in dataset.photos} == {tmp_path / p.key for p in photos.photos}
    if not dataset.made_splits:
        assert {p.path: p.split for p in dataset.photos} == {
            tmp_path / photo.key: photo.split for photo in photos.photos
        }
    # the job's channels, as SageMaker downloads them
    job = read(None, {name: tmp_path / prefix for name, prefix in photos.channels.items()})
    assert job.photos == dataset.photos
    assert job.labels == dataset.labels


REFUSED: dict[str, tuple[dict[str, int], str]] = {
    "Oxford": (
        {"images/Abyssinian_#.jpg": 5, "images/pug_#.jpg": 5, "annotations/trimaps/pug_#.png": 5},
        "10 photos lie right in data/images/ .* as Abyssinian_0.jpg does, `kennel photos",
    ),
    "Kaggle": (
        {"train": 3, "test": 3, "labels.csv#": 1},
        "6 photos lie right in data/train/, data/test/ and not in a folder for each breed",
    ),
    "groups of breeds": (
        {"hound/beagle": 3, "hound/basset": 3, "toy/pug": 3},
        r"holds hound/ \(basset/: 3 photos, beagle/: 3 photos\), toy/ .* another breed's folder",
    ),
    "groups that nobody knows": (
        {"a/one": 3, "a/two": 3, "b/three": 3, "b/four": 3},
        "no photo lies right in one of these, and a/ holds the folders one, two",
    ),
    "images beside breeds": ({**two("."), "images": 3}, "images/ names no breed"),
    "breeds beside splits": ({**two("train"), "pug": 3}, "holds train/ and also pug"),
    "a split twice": ({**two("val"), **two("train"), **two("dev")}, "both dev/ and val/"),
    "some breeds with splits": (
        {"beagle/train": 3, "beagle/test": 3, "boxer": 4},
        "some breeds' folders hold splits, and 4 photos lie beside these",
    ),
    "splits in splits": (
        {"train/beagle/test": 3, "train/boxer/train": 3, "test/beagle": 3},
        "is a split inside a breed",
    ),
    "no train": ({**two("val"), **two("test")}, "but no train/: add it|but no train/; add it"),
}


@pytest.mark.parametrize("tree", REFUSED)
def test_a_tree_that_is_no_data_set_is_refused_alike(tree: str, tmp_path: Path) -> None:
    folders, sentence = REFUSED[tree]
    account = Account()
    account.objects |= {f"data/{key}": key.encode() for key in keys(folders)}
    (problem,) = preflight_data.find_photos(account.s3, BUCKET).problems
    assert re.search(sentence, problem)
    with pytest.raises(DataError) as refusal:
        both_read(folders, tmp_path)
    assert re.search(sentence, str(refusal.value).replace(f"{tmp_path}/", ""))


def test_the_wire_is_what_numpy_loads() -> None:
    assert wire.CONTENT_TYPE == npy.CONTENT_TYPE
    sent = serving.decode(encoded(gradient(90, 60), "PNG"))
    loaded = np.load(io.BytesIO(wire.encode(sent.width, sent.height, sent.pixels)))
    assert loaded.tobytes() == gradient(90, 60).tobytes()
