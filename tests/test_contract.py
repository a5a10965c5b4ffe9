"""No train/serve skew: a photo answered by the API is the photo that training would have seen.

The two sides share the rules in their folders `decoding`, which are copies of each other. Here 50
photos go both ways, and a table of odd files as far as their pixels:

    serving   classify.photo -> classify.wire -> inference.input_fn -> predict_fn (the engine)
    training  photo.wire_image -> preprocess.prepare -> Network (PyTorch)
    a script  dogbreeds.load -> classify
"""

import filecmp
import io
import tarfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bundle import make_bundle
from classify import decoding as serving_rules
from classify import photo as serving
from classify import wire
from common.problem import Problem
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
from kennel import photo_files as kennel_photo_files
from tests import odd_photos
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


def test_both_sides_have_the_same_rules() -> None:
    """Neither side may import the other, so the folder with the rules lies in both."""
    ours, theirs = (Path(str(each.__file__)).parent for each in (serving_rules, training_rules))
    names = sorted({file.name for folder in (ours, theirs) for file in folder.glob("*.py")})
    assert filecmp.cmpfiles(ours, theirs, names, shallow=False) == (names, [], [])


def test_both_command_lines_find_the_same_photos() -> None:
    """Neither side may import the other, so the search for photos lies in both."""
    assert Path(str(photo_files.__file__)).read_bytes() == (
        Path(str(kennel_photo_files.__file__)).read_bytes()
    )


def test_the_wire_is_what_numpy_loads() -> None:
    assert wire.CONTENT_TYPE == npy.CONTENT_TYPE
    sent = serving.decode(encoded(gradient(90, 60), "PNG"))
    loaded = np.load(io.BytesIO(wire.encode(sent.width, sent.height, sent.pixels)))
    assert loaded.tobytes() == gradient(90, 60).tobytes()
