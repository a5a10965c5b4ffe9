"""Compare heads trained on five photos a breed, over random splits.

    python bench/few_shot.py            # ../shared/data/pets13, 10 splits; about 20 s on two cores

Kennel's head, nearest class mean and a linear probe train on 5 photos a breed and are tested on the
others; no hyperparameter is chosen on either. Calibration is out of fold: the test photos of a
split are cut into 5 folds, and each fold gets the temperature fitted on the other four. The
calibration error is printed with its floor, the error that perfectly calibrated answers of the same
confidences show by chance. The dog score needs no training: all dogs against the photos of
--notdogs. The last line is JSON.
"""

import heads  # isort: skip  # makes model/ importable
import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dogbreeds.data.dataset import read_test
from dogbreeds.evaluation.calibrate import temperature
from dogbreeds.evaluation.metrics import auroc, ece, ece_floor, softmax, wilson
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import Samples, fit_head, prior_head
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.pretrained import BACKBONE, preprocess_config
from dogbreeds.training.head_only import imagenet_rows
from dogbreeds.training.settings import HeadSettings

SHOTS, FOLDS = 5, 5
DATA = heads.ROOT.parent / "shared" / "data"


def split(labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows for training, ``SHOTS`` of each breed, and those for the test."""
    random = np.random.default_rng(seed)
    train: list[int] = []
    for breed in range(labels.max() + 1):
        rows = np.flatnonzero(labels == breed)
        train += random.permutation(rows)[:SHOTS].tolist()
    chosen = np.array(sorted(train), np.int64)
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def out_of_fold(
    logits: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return probabilities, each photo's with the temperature fitted on the other folds."""
    fold = np.random.default_rng(seed).permutation(len(labels)) % FOLDS
    probabilities = np.zeros(logits.shape)
    for number in range(FOLDS):
        rest = fold != number
        probabilities[~rest] = softmax(logits[~rest], temperature(logits[rest], labels[rest]))
    return probabilities


def main() -> None:
    """Train and test all heads on the same splits; print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Few photos a breed.")
    parser.add_argument("--data", type=Path, default=DATA / "pets13")
    parser.add_argument("--notdogs", type=Path, default=DATA / "notdogs")
    parser.add_argument("--splits", type=int, default=10)
    arguments = parser.parse_args()
    dataset = read_test(arguments.data, whole=True)
    backbone = load_backbone(BACKBONE)
    step = preprocess_config(backbone.module)
    network = Network(backbone.module, len(dataset.labels), step).eval()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as cache:
        extractor = Extractor(network, step, Path(cache))
        paths = [photo.path for photo in dataset.photos]
        upright, mirrored = extractor(paths), extractor(paths, mirrored=True)
        others = extractor(sorted(arguments.notdogs.glob("*.jpg")))
    torch.set_num_threads(1)  # as train.py: a head is too small for more
    labels = dataset.targets(dataset.photos)
    breeds, imagenet = len(dataset.labels), imagenet_rows(network)
    top1: dict[str, list[float]] = {"Kennel": [], "nearest class mean": [], "linear probe": []}
    errors, floors = [], []
    correct = []
    for seed in range(arguments.splits):
        rows, rest = split(labels, seed)
        plain, test = (Samples(upright.vectors[r], labels[r]) for r in (rows, rest))
        both = Samples(
            np.concatenate([plain.features, mirrored.vectors[rows]]), np.tile(plain.labels, 2)
        )
        head, _ = fit_head(prior_head(imagenet, dataset.labels, both), both, None, HeadSettings())
        top1["Kennel"].append(heads.top1(head, test))
        top1["nearest class mean"].append(heads.top1(heads.nearest_class_mean(plain, breeds), test))
        top1["linear probe"].append(heads.top1(heads.linear_probe(plain, breeds, 1e-2), test))
        probabilities = out_of_fold(head.logits(test.features), test.labels, seed)
        confidence = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == test.labels
        errors.append(ece(confidence, right))
        floors.append(ece_floor(confidence))
        correct.append(right)
    print(f"{len(labels)} photos of {breeds} breeds, {SHOTS} a breed to train, mean of the splits")
    for name, values in top1.items():
        print(f"{name:22}{np.mean(values):7.4f}  (splits: {min(values):.3f} to {max(values):.3f})")
    area = auroc(upright.dog_mass, others.dog_mass)
    gap = float(np.mean(errors) - np.mean(floors))
    print(
        f"calibration error {np.mean(errors):.4f}, floor {np.mean(floors):.4f}; "
        f"dogs against {len(others.dog_mass)} photos without one: AUROC {area:.4f}"
    )
    all_correct = np.concatenate(correct)
    result = {
        "top1": round(float(np.mean(top1["Kennel"])), 4),
        "top1_interval": [round(v, 4) for v in wilson(int(all_correct.sum()), len(all_correct))],
        "rival_top1": round(float(np.mean(top1["nearest class mean"])), 4),
        "linear_probe_top1": round(float(np.mean(top1["linear probe"])), 4),
        "auroc_not_dog": round(area, 4),
        "ece": round(float(np.mean(errors)), 4),
        "ece_floor": round(float(np.mean(floors)), 4),
        "ece_above_floor": round(gap, 4),
        "splits": arguments.splits,
        "photos": len(labels),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
