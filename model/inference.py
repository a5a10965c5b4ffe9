"""The four functions by which SageMaker's hosts serve a model: load, read, predict, write.

Input is `application/x-npy` (the wire: uint8, height x width x 3, RGB) or a photo as
`image/jpeg`, `image/png` or `image/webp`; output is JSON. `server.py` calls these four, and so
does any host that knows SageMaker's PyTorch conventions.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from card import Breed, Card, PackageError, read_breeds
from engine import Engine, softmax
from npy import CONTENT_TYPE as NPY
from npy import read_npy
from photo import PhotoError, wire_array
from preprocess import prepare

PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
TOP = 5  # breeds in an answer


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
    """A photo at the wire's size, and when its request began to be worked on."""

    pixels: NDArray[np.uint8]  # (height, width, 3), RGB
    started: float  # seconds of time.perf_counter


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
    engine = Engine(package, threads)
    if engine.breeds != len(breeds):
        raise PackageError(
            f"The network has {engine.breeds} outputs and breeds.json {len(breeds)} breeds; "
            "build the package again."
        )
    return Model(card, breeds, engine)


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
        return Photo(read_npy(body) if kind == NPY else wire_array(body), started)
    except PhotoError as error:
        raise BadPhoto(str(error)) from error


def predict_fn(photo: Photo, model: Model) -> dict[str, Any]:
    """Classify one photo.

    Returns
    -------
    dict
        "model", "is_dog", "dog_score", "breeds" (the top 5 with calibrated probabilities over all
        breeds) and "took_ms" (from the start of `input_fn`), ready for `output_fn`.

    Raises
    ------
    PackageError
        The network answered something that is not a number.
    """
    logits, mass = model.engine(prepare(photo.pixels, model.card.input)[None])
    probabilities = softmax(logits[0] / model.card.temperature)
    score = float(mass[0])
    if not (math.isfinite(score) and np.isfinite(probabilities).all()):
        raise PackageError("The network's answer is not a number; its weights are broken.")
    top = np.argsort(-probabilities, kind="stable")[:TOP]
    return {
        "model": model.label,
        "is_dog": score >= model.card.dog_threshold,
        "dog_score": round(score, 6),
        "breeds": [
            {"breed": model.breeds[i].breed, "probability": round(float(probabilities[i]), 6)}
            for i in top
        ],
        "took_ms": round((time.perf_counter() - photo.started) * 1000, 2),
    }


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
