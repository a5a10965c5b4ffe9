"""Build the package of a trained network: export, quantise, calibrate and evaluate it.

Calibration and evaluation run the exported variants in the serving engine. The package gets an
int8 variant only if its accuracy on the valid photos allows it (quantize.py), and each variant has
a temperature and a dog threshold of its own.
"""

import io
import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dogbreeds.data.dataset import Dataset
from dogbreeds.evaluation.calibrate import (
    SURE_RECALL,
    breed_weights,
    dog_threshold,
    likely_threshold,
    temperature,
)
from dogbreeds.evaluation.compare import correct_predictions, on_breeds_of, paired_bootstrap
from dogbreeds.evaluation.degrade import DEGRADATIONS
from dogbreeds.evaluation.evaluate import Predictions, evaluation, predict_photos
from dogbreeds.evaluation.metrics import Floats, Labels, softmax, wilson
from dogbreeds.network.export import check_parity, export
from dogbreeds.network.head import log_prior
from dogbreeds.network.network import Network
from dogbreeds.package.card import Card, PreprocessConfig
from dogbreeds.package.drift import drift_baseline
from dogbreeds.package.live import unpacked_live
from dogbreeds.package.quantize import add_int8_if_accurate
from dogbreeds.package.write import package_members
from dogbreeds.photos.decode import LoadPhoto, load_photo, wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import FP32, INT8, Engine
from dogbreeds.serving.inference import model_fn

#: Valid photos that decide on int8, at 0.2 MB each; evenly spaced where there are more.
MAX_INT8_PHOTOS = 1_000
MAX_DEGRADED_PHOTOS = 100  # valid photos of which each kind of bad photo is made


@dataclass(frozen=True)
class BuiltPackage:
    """The files of a package, its card, and the content of `evaluation.json`."""

    members: dict[str, bytes]
    card: Card
    evaluation: dict[str, Any]


def build_package(
    network: Network,
    card: Card,
    dataset: Dataset,
    live: Path | None = None,
    load: LoadPhoto = load_photo,
    *,
    with_likely: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> BuiltPackage:
    """Export, quantise, calibrate and evaluate a trained network.

    Parameters
    ----------
    network : Network
        Trained, with an output for each of the dataset's labels.
    card : Card
        Its version, smoke breed, temperature, threshold and int8 are set here.
    dataset : Dataset
        Valid photos decide on int8 and calibrate, test photos evaluate; neither may be empty.
    live : Path, optional
        The package to compare with on the test photos; None or an empty folder for none.
    load : callable
        Reads and decodes a photo.
    with_likely : bool
        Fit the sets of likely breeds: the backbone has not learnt from the valid photos.
    facts : mapping, optional
        Of the training, for the evaluation.

    Raises
    ------
    PackageError
        The OpenVINO model differs from PyTorch, or the live package is broken.
    PhotoError
        A photo cannot be decoded; the message names it.
    """
    valid, test = dataset.of_split("valid"), dataset.of_split("test")
    labels, truth = dataset.targets(valid), dataset.targets(test)
    adjusted = log_prior(dataset.targets(dataset.of_split("train")), len(dataset.labels)).any()
    weights = breed_weights(labels) if adjusted else None
    paths = [photo.path for photo in test]
    valid_paths = [photo.path for photo in valid]

    def calibration(engine: Engine, predictions: Predictions) -> dict[str, Any]:
        fitted = temperature(predictions.logits, labels, weights=weights)
        degraded = _degraded_scores(engine, card.input, valid_paths, load)
        scores = np.concatenate([predictions.scores, *degraded])
        likely = likely_threshold(softmax(predictions.logits, fitted), labels)
        return {
            "temperature": fitted,
            "dog_threshold": dog_threshold(scores),
            "sure_dog_threshold": dog_threshold(scores, SURE_RECALL),
            "likely_threshold": likely if with_likely else None,
        }

    with tempfile.TemporaryDirectory(prefix="kennel-export-") as name:
        exported = Path(name)
        export(network, card.input.size, exported)
        fp32_engine = Engine(exported, variant=FP32)
        fp32 = predict_photos(fp32_engine, card.input, valid_paths, load)
        smoke = _most_confident_photo(valid_paths, fp32.logits, labels, load)
        check_parity(network, exported, prepare(wire_image(smoke), card.input))
        pixels, pixel_labels = _int8_photos(valid_paths, labels, card.input, load)
        decision = add_int8_if_accurate(exported, pixels, pixel_labels)
        int8, of_valid = decision.as_dict(), {"fp32": fp32}
        if decision.precision == "int8":
            engine = Engine(exported, variant=INT8)
            of_valid["int8"] = predict_photos(engine, card.input, valid_paths, load)
            int8 |= calibration(engine, of_valid["int8"])
        card = replace(card, int8=int8, **calibration(fp32_engine, fp32))
        engine = Engine(exported)
        answers = predict_photos(engine, card.input, paths, load)
        served = card.for_precision(engine.precision)
        baseline = drift_baseline(of_valid[engine.precision], served, dataset.breeds)
        card = replace(card, drift=baseline)
        probabilities = softmax(answers.logits, served.temperature)
        names = [photo.name for photo in test]
        likely = served.likely_threshold
        result = evaluation(probabilities, truth, dataset.breeds, names, likely=likely)
        result |= {
            "precision": engine.precision,
            "dogs_recognised": float((answers.scores >= served.dog_threshold).mean()),
            **(facts or {}),
            "live": _comparison(live, dataset, paths, truth, probabilities, load),
        }
        more = {"evaluation.json": evaluation_json(result).encode()}
        members, card = package_members(
            network, list(dataset.labels), card, smoke, exported=exported, more=more
        )
    return BuiltPackage(members, card, result)


def evaluation_json(result: dict[str, Any]) -> str:
    """Return the text of `evaluation.json`."""
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


def _degraded_scores(
    engine: Engine, preprocess: PreprocessConfig, photos: Sequence[Path], load: LoadPhoto
) -> list[Floats]:
    """Return the dog scores of bad copies of some photos, an array for each kind of copy."""
    chosen = photos[:: math.ceil(len(photos) / MAX_DEGRADED_PHOTOS)]

    def scores(make: Callable[[Image.Image], Image.Image]) -> Floats:
        return predict_photos(engine, preprocess, chosen, lambda path: make(load(path))).scores

    return [scores(make) for make in DEGRADATIONS]


def _int8_photos(
    photos: Sequence[Path], labels: Labels, preprocess: PreprocessConfig, load: LoadPhoto
) -> tuple[NDArray[np.uint8], list[int]]:
    chosen = np.linspace(0, len(photos) - 1, min(len(photos), MAX_INT8_PHOTOS), dtype=int)
    pixels = [prepare(load(photos[i]), preprocess) for i in chosen]
    return np.stack(pixels), labels[chosen].tolist()


def _most_confident_photo(
    photos: Sequence[Path], logits: Floats, labels: Labels, load: LoadPhoto
) -> bytes:
    """Return the photo whose own breed is most probable, as a JPEG of the wire format's size."""
    confidence = softmax(logits)[np.arange(len(labels)), labels]
    image = load(photos[int(confidence.argmax())])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _comparison(  # noqa: PLR0917
    path: Path | None,
    dataset: Dataset,
    photos: Sequence[Path],
    labels: Labels,
    candidate: Floats,
    load: LoadPhoto,
) -> dict[str, Any] | None:
    """Compare the candidate with the live package on the test photos and the candidate's breeds.

    Photos of a breed that the live model lacks (`breeds_missing`) count as wrong for it;
    `breeds_of_both` holds the two accuracies without them. `breeds_dropped` are the live model's
    breeds that the candidate lacks.
    """
    with unpacked_live(path) as package:
        if package is None:
            return None
        model = model_fn(str(package))
        answers = predict_photos(model.engine, model.card.input, photos, load)
        logits = on_breeds_of(answers.logits, model.breeds, dataset.labels)
    right, ours = correct_predictions(logits, labels), correct_predictions(candidate, labels)
    bootstrap = paired_bootstrap(ours, right)
    known = np.isfinite(logits[0])  # of the candidate's breeds, those that the live model has
    both = known[labels]
    back = on_breeds_of(np.zeros((1, len(dataset.labels))), dataset.labels, model.breeds)[0]
    return {
        "model": model.label,
        "photos": len(labels),
        "top1": float(right.mean()),
        "top1_interval": list(wilson(int(right.sum()), len(labels))),
        "breeds_missing": [
            b.breed for b, has in zip(dataset.labels, known, strict=True) if not has
        ],
        "breeds_dropped": [
            b.breed for b, kept in zip(model.breeds, np.isfinite(back), strict=True) if not kept
        ],
        "breeds_of_both": {
            "photos": int(both.sum()),
            "top1": float(ours[both].mean()) if both.any() else None,
            "live_top1": float(right[both].mean()) if both.any() else None,
        },
        "difference": bootstrap.difference,
        "difference_interval": list(bootstrap.interval),
        "p_not_worse": bootstrap.p_not_worse,
    }
