"""The four functions by which SageMaker's hosts serve a model: load, read, predict, write.

Input is `application/x-npy` (the wire: uint8, height x width x 3, RGB, or several photos of one
size with their count before that) or a photo as `image/jpeg`, `image/png` or `image/webp`; output
is JSON. Any host that knows SageMaker's PyTorch conventions calls the four. `worker.py` and
`ray_app.py`, which answer several requests at once, take `prepare_photos` and `predict_all`,
which `predict_fn` is made of.

Where OpenVINO is not installed and PyTorch is, the same network runs in eager PyTorch (eager.py).
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
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

PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
TOP = 5  # breeds in an answer
MOST = 8  # photos in one call of the network; more at once are no faster (docs/serving.md)


class RequestError(ValueError):
    """A request that gets no prediction; the message is one sentence for its sender.

    UnsupportedType (415) and BadPhoto (400) are its two kinds.
    """

    status = 400


class UnsupportedType(RequestError):  # noqa: N818  # the family's name says that it is an error
    """The content type is none that is served."""

    status = 415


class BadPhoto(RequestError):  # noqa: N818
    """The bytes are not what their content type says, or hold no usable photo."""


class Engine(Protocol):
    """What runs the network: engine.Engine, or eager.EagerEngine."""

    @property
    def breeds(self) -> int:
        """Number of breeds that the network has outputs for."""

    @property
    def precision(self) -> str:
        """The form that runs, "fp32" or "int8": the card has a threshold for each."""

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""


@dataclass(frozen=True)
class Model:
    """A package, loaded and ready."""

    card: Card
    breeds: list[Breed]
    engine: Engine

    @property
    def label(self) -> str:
        """Name and version, as answers give them."""
        return f"{self.card.name}@{self.card.version}"


@dataclass(frozen=True)
class Photo:
    """What a request holds, at the wire's size, and when it began to be worked on."""

    wires: list[Image.Image]  # RGB
    several: bool  # the request held a count, so its answer is a list
    started: float  # seconds of time.perf_counter


@dataclass(frozen=True)
class Prepared:
    """A request's photos as the network takes them."""

    pixels: NDArray[np.uint8]  # (count, size, size, 3)
    several: bool
    started: float


def model_fn(model_dir: str, threads: int = 0) -> Model:
    """Load the unpacked package in `model_dir`.

    Parameters
    ----------
    threads : int
        Cores that one prediction may use; 0 means all.

    Raises
    ------
    PackageError
        A file is missing or broken, or the network's outputs do not match `breeds.json`.
    """
    package = Path(model_dir)
    card, breeds = Card.read(package), read_breeds(package)
    engine = _engine(package, threads)
    if engine.breeds != len(breeds):
        raise PackageError(
            f"The network has {engine.breeds} outputs and breeds.json {len(breeds)} breeds; "
            "build the package again."
        )
    return Model(card.served_in(engine.precision), breeds, engine)


def input_fn(body: bytes, content_type: str) -> Photo:
    """Read a request's body.

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
    """Crop and resize a request's photos as the package's card says."""
    pixels = np.stack([prepare(wire, model.card.input) for wire in photo.wires])
    return Prepared(pixels, photo.several, photo.started)


def predict_all(requests: Sequence[Prepared], model: Model) -> list[dict[str, Any]]:
    """Classify the photos of several requests, ``MOST`` at a time; an answer a request.

    Returns
    -------
    list of dict
        See `predict_fn`.

    Raises
    ------
    PackageError
        The network answered something that is not a number.
    """
    photos = np.concatenate([request.pixels for request in requests])
    parts = [model.engine(photos[start : start + MOST]) for start in range(0, len(photos), MOST)]
    logits = np.concatenate([part[0] for part in parts])
    logits /= model.card.temperature
    probabilities = softmax(logits)
    scores = np.concatenate([part[1] for part in parts])
    if not (np.isfinite(scores).all() and np.isfinite(probabilities).all()):
        raise PackageError("The network's answer is not a number; its weights are broken.")
    verdicts = [
        _verdict(float(score), row, model) for score, row in zip(scores, probabilities, strict=True)
    ]
    answers, first = [], 0
    for request in requests:
        own = verdicts[first : first + len(request.pixels)]
        first += len(own)
        took = round((time.perf_counter() - request.started) * 1000, 2)
        answer = {"photos": own} if request.several else own[0]
        answers.append({"model": model.label, **answer, "took_ms": took})
    return answers


def predict_fn(photo: Photo, model: Model) -> dict[str, Any]:
    """Classify a request's photo, or photos.

    Returns
    -------
    dict
        "model", "is_dog", "dog_score", "breeds" (the top 5 with calibrated probabilities over all
        breeds) and "took_ms" (from the start of `input_fn`), ready for `output_fn`. For a request
        with a count, "photos" is a list of what else would be "is_dog", "dog_score" and "breeds".

    Raises
    ------
    PackageError
        The network answered something that is not a number.
    """
    return predict_all([prepare_photos(photo, model)], model)[0]


def output_fn(prediction: dict[str, Any], accept: str = "application/json") -> bytes:
    """Return the prediction as JSON bytes, whatever `accept` asks for."""
    del accept  # SageMaker passes it; there is one form of answer
    return json.dumps(prediction, ensure_ascii=False).encode()


def warm_up(model: Model, package: Path) -> dict[str, Any]:
    """Answer the package's own smoke photo, as a request would be.

    Raises
    ------
    PackageError
        The photo is missing or broken, or the answer differs from the one given when the package
        was made, so the weights or the engine are not what they were.
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


def _verdict(score: float, probabilities: NDArray[np.float32], model: Model) -> dict[str, Any]:
    top = np.argsort(-probabilities, kind="stable")[:TOP]
    return {
        "is_dog": score >= model.card.dog_threshold,
        "dog_score": round(score, 6),
        "breeds": [
            {"breed": model.breeds[i].breed, "probability": round(float(probabilities[i]), 6)}
            for i in top
        ],
    }


def _engine(package: Path, threads: int) -> Engine:
    try:  # each in turn: the serving image has no PyTorch, a GPU's image no OpenVINO
        from dogbreeds.serving import engine  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "openvino":
            raise
    else:
        return engine.Engine(package, threads)
    try:
        from dogbreeds.serving import eager  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise PackageError(
            f"Neither openvino nor {error.name} is installed here; pip install openvino."
        ) from error
    return eager.EagerEngine(package, threads)
