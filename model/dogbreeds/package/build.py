"""A network that has learned becomes a package: exported, calibrated, judged.

Every figure comes from the forms that serve, asked as they are when they serve: int8 takes the
place of fp32 only where the valid photos allow it (quantize.py), and each form has a temperature
and a dog threshold of its own.
"""

import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dogbreeds.data.dataset import Dataset
from dogbreeds.evaluation.calibrate import dog_threshold, temperature
from dogbreeds.evaluation.compare import correct_predictions, on_breeds_of, paired_bootstrap
from dogbreeds.evaluation.evaluate import Predictions, evaluation, predict_photos
from dogbreeds.evaluation.metrics import Floats, Labels, softmax, wilson
from dogbreeds.network.export import check_parity, export
from dogbreeds.network.network import Network
from dogbreeds.package.card import Card, PreprocessConfig
from dogbreeds.package.quantize import best_form
from dogbreeds.package.write import make_package, unpacked
from dogbreeds.photos.decode import LoadPhoto, load_photo, wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import FP32, INT8, Engine
from dogbreeds.serving.inference import model_fn

#: Valid photos that decide on int8, at 0.2 MB each; an even choice where there are more.
MOST_DECIDING = 1_000


@dataclass(frozen=True)
class Finished:
    """A package's files, its card, and what `evaluation.json` holds."""

    members: dict[str, bytes]
    card: Card
    evaluation: dict[str, Any]


def finish(
    network: Network,
    card: Card,
    dataset: Dataset,
    live: Path | None = None,
    load: LoadPhoto = load_photo,
) -> Finished:
    """Make, calibrate and judge a package.

    Parameters
    ----------
    network : Network
        Trained, with an output for each of the dataset's labels.
    card : Card
        Its version, smoke breed, temperature, threshold and int8 are filled in here.
    dataset : Dataset
        Its valid photos decide and calibrate, its test photos judge; there are some of each.
    live : Path, optional
        The package to compare with on the test photos; None, or an empty folder, for none.
    load : callable
        Reads and decodes a photo.

    Raises
    ------
    PackageError
        A form differs from PyTorch's, or the live package is broken.
    PhotoError
        A photo cannot be decoded; the message names it.
    """
    valid, test = dataset.of_split("valid"), dataset.of_split("test")
    labels, truth = dataset.targets(valid), dataset.targets(test)
    paths = [photo.path for photo in test]
    valid_paths = [photo.path for photo in valid]
    with tempfile.TemporaryDirectory(prefix="kennel-forms-") as name:
        forms = Path(name)
        export(network, card.input.size, forms)
        in_fp32 = predict_photos(Engine(forms, form=FP32), card.input, valid_paths, load)
        smoke = _surest(valid_paths, in_fp32.logits, labels, load)
        check_parity(network, forms, prepare(wire_image(smoke), card.input))
        decision = best_form(forms, *_deciding(valid_paths, labels, card.input, load))
        int8 = decision.as_dict()
        if decision.precision == "int8":
            int8 |= _fitted(
                predict_photos(Engine(forms, form=INT8), card.input, valid_paths, load), labels
            )
        card = replace(card, int8=int8, **_fitted(in_fp32, labels))
        engine = Engine(forms)
        answers = predict_photos(engine, card.input, paths, load)
        probabilities = softmax(answers.logits, card.served_in(engine.precision).temperature)
        names = [photo.name for photo in test]
        result = evaluation(probabilities, truth, dataset.breeds, names)
        result |= {
            "precision": engine.precision,
            "live": _compared(live, dataset, paths, truth, probabilities, load),
        }
        more = {"evaluation.json": to_json(result).encode()}
        members, card = make_package(
            network, list(dataset.labels), card, smoke, forms=forms, more=more
        )
    return Finished(members, card, result)


def to_json(result: dict[str, Any]) -> str:
    """Return the text of `evaluation.json`."""
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


def _fitted(answers: Predictions, labels: Labels) -> dict[str, Any]:
    return {
        "temperature": temperature(answers.logits, labels),
        "dog_threshold": dog_threshold(answers.scores),
    }


def _deciding(
    photos: Sequence[Path], labels: Labels, step: PreprocessConfig, load: LoadPhoto
) -> tuple[NDArray[np.uint8], list[int]]:
    chosen = np.linspace(0, len(photos) - 1, min(len(photos), MOST_DECIDING), dtype=int)
    pixels = [prepare(load(photos[i]), step) for i in chosen]
    return np.stack(pixels), labels[chosen].tolist()


def _surest(photos: Sequence[Path], logits: Floats, labels: Labels, load: LoadPhoto) -> bytes:
    """Return the photo whose breed the network is surest of, as a JPEG of the wire's size."""
    sure = softmax(logits)[np.arange(len(labels)), labels]
    image = load(photos[int(sure.argmax())])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _compared(  # noqa: PLR0917
    path: Path | None,
    dataset: Dataset,
    photos: Sequence[Path],
    labels: Labels,
    candidate: Floats,
    load: LoadPhoto,
) -> dict[str, Any] | None:
    """Ask the live package about the test photos, over the candidate's breeds."""
    if path is None or (path.is_dir() and not any(path.iterdir())):
        return None  # before the first release SageMaker's channel is not there, or empty
    with unpacked(path) as package:
        model = model_fn(str(package))
        answers = predict_photos(model.engine, model.card.input, photos, load)
        logits = on_breeds_of(answers.logits, model.breeds, dataset.labels)
    right = correct_predictions(logits, labels)
    found = paired_bootstrap(correct_predictions(candidate, labels), right)
    lacking = [b.breed for b, c in zip(dataset.labels, logits.T, strict=True) if np.isinf(c).all()]
    return {
        "model": model.label,
        "photos": len(labels),
        "top1": float(right.mean()),
        "top1_interval": list(wilson(int(right.sum()), len(labels))),
        "breeds_missing": lacking,
        "difference": found.difference,
        "difference_interval": list(found.interval),
        "p_not_worse": found.p_not_worse,
    }
