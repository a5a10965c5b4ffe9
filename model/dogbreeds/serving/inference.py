"""Serve a model by SageMaker's four functions: model_fn, input_fn, predict_fn, output_fn.

Input is `application/x-npy` (the wire format: uint8, height x width x 3, RGB, or several photos of
one size with their count as the first dimension) or a photo as `image/jpeg`, `image/png` or
`image/webp`; output is JSON. Any host that follows SageMaker's PyTorch conventions calls the four.
`ray_app.py` batches several requests, so it calls `prepare_photos` and `predict_all`, the two steps
of `predict_fn`.

Where OpenVINO is not installed, or the package has no compiled network, the same network runs in
eager PyTorch, if that is installed (eager.py).
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.card import Breed, Card, PackageError, read_breeds
from dogbreeds.photos.decode import PhotoError, wire_image
from dogbreeds.photos.npy import CONTENT_TYPE as NPY
from dogbreeds.photos.npy import read_npy
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.heat_map import heat_map, warmth
from dogbreeds.serving.parameters import Parameters

PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
WEIGHTS = "model.safetensors"  # PyTorch's, in a package
TOP = 5  # breeds in an answer
MAX_BATCH_PHOTOS = 8  # in one call of the engine, which is one batch in PyTorch


class RequestError(ValueError):
    """A request that gets no prediction; the message is one sentence for the client.

    Its subclasses are UnsupportedType (415), BadPhoto (400) and TooFewBreeds (422).
    """

    status = 400


class UnsupportedType(RequestError):  # noqa: N818
    """The content type is not served."""

    status = 415


class BadPhoto(RequestError):  # noqa: N818
    """The bytes are not what their content type says, or hold no usable photo."""


class TooFewBreeds(RequestError):  # noqa: N818
    """More breeds are asked for than the model knows."""

    status = 422


class Engine(Protocol):
    """The interface of engine.Engine and eager.EagerEngine, which run the network."""

    @property
    def breeds(self) -> int:
        """Number of breeds that the network has outputs for."""

    @property
    def precision(self) -> str:
        """The precision of the variant that runs, "fp32" or "int8"."""

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""

    def explain(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the same for one photo, and `breed_map` where the package has one."""

    def embed(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return the same for one photo, and the features [1, channels] of its breed head."""


@dataclass(frozen=True)
class Model:
    """A loaded package."""

    card: Card
    breeds: list[Breed]
    engine: Engine

    @property
    def label(self) -> str:
        """Name and version, as answers give them."""
        return f"{self.card.name}@{self.card.version}"


@dataclass(frozen=True)
class Photo:
    """The decoded photos of a request, at the size of the wire format."""

    wires: list[Image.Image]  # RGB
    several: bool  # the array had a count as first dimension, so the answer is a list
    started: float  # time.perf_counter() when decoding began, in seconds
    asked: Parameters = field(default_factory=Parameters)


@dataclass(frozen=True)
class Prepared:
    """The photos of a request, preprocessed for the network."""

    pixels: NDArray[np.uint8]  # (count, size, size, 3)
    several: bool
    started: float
    sizes: list[tuple[int, int]]  # of the wires: width and height
    asked: Parameters


@dataclass(frozen=True)
class Outputs:
    """The network's outputs for one photo."""

    logits: NDArray[np.float32]  # [breeds]
    dog_score: float
    breed_map: NDArray[np.float32] | None = None  # [breeds, height, width], where it was asked for


def model_fn(model_dir: str) -> Model:
    """Load the unpacked package in `model_dir`, for a prediction on all cores."""
    return load_model(Path(model_dir))  # AWS's toolkit takes a second parameter for its context


def load_model(package: Path, threads: int = 0) -> Model:
    """Load an unpacked package.

    Parameters
    ----------
    threads : int
        Cores that one prediction may use; 0 means all.

    Raises
    ------
    PackageError
        A file is missing or broken, or the network's outputs do not match `breeds.json`.
    """
    card, breeds = Card.read(package), read_breeds(package)
    engine = _engine(package, threads)
    if engine.breeds != len(breeds):
        raise PackageError(
            f"The network has {engine.breeds} outputs and breeds.json {len(breeds)} breeds; "
            "build the package again."
        )
    return Model(card.for_precision(engine.precision), breeds, engine)


def input_fn(body: bytes, content_type: str) -> Photo:
    """Decode a request's body.

    Raises
    ------
    UnsupportedType
        The content type is not served.
    BadPhoto
        The body is broken, too large in pixels, or an array of the wrong type or shape.
    """
    started = time.perf_counter()
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (NPY, *PHOTO_TYPES):
        raise UnsupportedType(
            f"The content type {kind[:80]!r} is not served; send one of {NPY}, "
            f"{', '.join(PHOTO_TYPES)}."
        )
    try:
        if kind != NPY:
            return Photo([wire_image(body)], False, started)
        pixels = read_npy(body)
    except PhotoError as error:
        raise BadPhoto(str(error)) from error
    several = pixels.ndim == 4  # noqa: PLR2004  # count, height, width, 3
    wires = [Image.fromarray(wire) for wire in (pixels if several else pixels[None])]
    return Photo(wires, several, started)


def prepare_photos(photo: Photo, model: Model) -> Prepared:
    """Crop and resize a request's photos by the preprocessing of the package's card.

    Raises
    ------
    TooFewBreeds
        The request asks for more breeds than the model knows.
    """
    if (photo.asked.top or 0) > len(model.breeds):
        raise TooFewBreeds(f"top is {photo.asked.top}; the model knows {len(model.breeds)} breeds.")
    pixels = np.stack([prepare(wire, model.card.input) for wire in photo.wires])
    sizes = [wire.size for wire in photo.wires]
    return Prepared(pixels, photo.several, photo.started, sizes, photo.asked)


def predict_all(requests: Sequence[Prepared], model: Model) -> list[dict[str, Any]]:
    """Classify the photos of several requests, at most ``MAX_BATCH_PHOTOS`` per engine call.

    Photos of requests that ask for a heat map have calls of their own.

    Returns
    -------
    list of dict
        One for each request; see `predict_fn`.

    Raises
    ------
    PackageError
        The network answered something that is not a number.
    """
    plain = [request.pixels for request in requests if not request.asked.explain]
    batched = iter(_run(np.concatenate(plain), model.engine) if plain else ())
    answers = []
    for request in requests:
        if request.asked.explain:
            outputs = [_explain(photo[None], model.engine) for photo in request.pixels]
        else:
            outputs = list(islice(batched, len(request.pixels)))
        of_request = [
            _prediction(output, size, request.asked.top or TOP, model)
            for output, size in zip(outputs, request.sizes, strict=True)
        ]
        took_ms = round((time.perf_counter() - request.started) * 1000, 2)
        answer = {"photos": of_request} if request.several else of_request[0]
        answers.append({"model": model.label, **answer, "took_ms": took_ms})
    return answers


def predict_fn(photo: Photo, model: Model) -> dict[str, Any]:
    """Classify the photos of one request; `photo.asked` says what else it wants.

    Returns
    -------
    dict
        "model", "is_dog", "dog" ("no", "perhaps" or "yes"; is_dog is false for "no" only),
        "dog_score", "breeds" (the top 5 with calibrated probabilities over all breeds) and
        "took_ms" (from the start of `input_fn`), ready for `output_fn`. If the package can make
        them, "likely" is the smallest set of breeds that holds the right one in 90 % of photos,
        and "explain", where it was asked for, has the first "breed" and the "heat_map" of what
        spoke for it, a PNG in base64. For a request with several photos, "photos" is a list of
        what is said of each.

    Raises
    ------
    PackageError
        The network answered something that is not a number.
    """
    return predict_all([prepare_photos(photo, model)], model)[0]


def output_fn(prediction: dict[str, Any], accept: str = "application/json") -> bytes:
    """Return the prediction as JSON bytes, whatever `accept` asks for."""
    del accept  # SageMaker passes it; the answer is always JSON
    return json.dumps(prediction, ensure_ascii=False).encode()


def check_smoke_photo(model: Model, package: Path) -> dict[str, Any]:
    """Classify the package's smoke photo, and check that the breed is the one on the card.

    Raises
    ------
    PackageError
        The photo is missing or broken, or the model names another breed than when the package was
        made, so the weights or the engine have changed.
    """
    try:
        photo = input_fn((package / "smoke.jpg").read_bytes(), PHOTO_TYPES[0])
    except (OSError, BadPhoto) as error:
        raise PackageError(f"The model package's smoke.jpg cannot be read: {error}") from error
    answer = predict_fn(photo, model)
    if answer["breeds"][0]["breed"] != model.card.smoke_breed:
        raise PackageError(
            f"The model calls its smoke photo {answer['breeds'][0]['breed']!r}, expected "
            f"{model.card.smoke_breed!r}; build the package again."
        )
    return answer


def warm_up(model: Model, package: Path, released_breed: str = "") -> dict[str, Any]:
    """Make a model ready to serve: `check_smoke_photo`, and one call with two photos.

    Parameters
    ----------
    released_breed
        The breed that the release expects, if it says one: a wrong package may agree with its own
        card.

    Raises
    ------
    PackageError
        As `check_smoke_photo`, or it is not the package of the release.
    """
    answer = check_smoke_photo(model, package)
    if released_breed and model.card.smoke_breed != released_breed:
        raise PackageError(
            f"The model calls its smoke photo {model.card.smoke_breed!r}, and the release expects "
            f"{released_breed!r}: this is another package; release it again."
        )
    size = model.card.input.size
    model.engine(np.zeros((2, size, size, 3), np.uint8))  # compiles for concurrent calls now
    return answer


def _run(photos: NDArray[np.uint8], engine: Engine) -> list[Outputs]:
    outputs = []
    for start in range(0, len(photos), MAX_BATCH_PHOTOS):
        logits, scores = engine(photos[start : start + MAX_BATCH_PHOTOS])
        _check_numbers(logits, scores)
        outputs += [Outputs(*each) for each in zip(logits, scores.tolist(), strict=True)]
    return outputs


def _explain(photo: NDArray[np.uint8], engine: Engine) -> Outputs:
    logits, scores, breed_map = engine.explain(photo)
    _check_numbers(logits, scores)
    return Outputs(logits[0], float(scores[0]), None if breed_map is None else breed_map[0])


def _check_numbers(*outputs: NDArray[np.float32]) -> None:
    if not all(np.isfinite(output).all() for output in outputs):
        raise PackageError("The network's answer is not a number; its weights are broken.")


def _prediction(
    output: Outputs, size: tuple[int, int], breeds: int, model: Model
) -> dict[str, Any]:
    probabilities = softmax(output.logits, model.card.temperature)
    ranked = np.argsort(-probabilities, kind="stable")
    prediction: dict[str, Any] = {
        "is_dog": output.dog_score >= model.card.dog_threshold,
        "dog": _dog(output.dog_score, model.card),
        "dog_score": round(output.dog_score, 6),
        "breeds": [
            {"breed": model.breeds[i].breed, "probability": round(float(probabilities[i]), 6)}
            for i in ranked[:breeds]
        ],
    }
    if model.card.likely_threshold is not None:
        count = max(1, int((probabilities >= model.card.likely_threshold).sum()))
        prediction["likely"] = [model.breeds[i].breed for i in ranked[:count]]
    if output.breed_map is not None:
        cells = warmth(output.breed_map, probabilities)
        png = heat_map(cells, size, model.card.input.crop_pct)
        prediction["explain"] = {
            "breed": model.breeds[ranked[0]].breed,
            "heat_map": base64.b64encode(png).decode(),
        }
    return prediction


def _dog(score: float, card: Card) -> str:
    """Return whether a photo with this score shows a dog: "yes", "perhaps" or "no"."""
    if score < card.dog_threshold:
        return "no"
    return "yes" if score >= (card.sure_dog_threshold or card.dog_threshold) else "perhaps"


def _engine(package: Path, threads: int) -> Engine:
    has_engine = False
    try:  # the serving image has no PyTorch, a GPU image may have no OpenVINO
        from dogbreeds.serving import engine  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "openvino":
            raise
    else:
        has_engine = True
        if engine.is_compiled(package) or not (package / WEIGHTS).is_file():
            return engine.Engine(package, threads)
    try:
        from dogbreeds.serving import eager  # noqa: PLC0415
    except ModuleNotFoundError as error:
        reason = (
            f"The package's compiled network is missing, and {error.name} is not installed, which "
            f"its {WEIGHTS} needs; build the package again."
            if has_engine
            else f"Neither openvino nor {error.name} is installed here; pip install openvino."
        )
        raise PackageError(reason) from error
    return eager.EagerEngine(package, threads)
