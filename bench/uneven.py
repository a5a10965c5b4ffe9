"""Train on uneven sets, 100 photos of some breeds and 5 of others: adjusted logits against plain.

    python bench/uneven.py                # ../shared/data/woof10, 10 seeds; 2 minutes on two cores

For each seed half of the breeds, at random, have 5 training photos and 1 valid photo, the others
100 and 20; the last 20 photos of each breed, in the order that the seed gives, are the test. The
plain head is fitted and calibrated as if the set were even, the adjusted one as train.py does it
(network/head.py). Neither sees the test photos. The calibration error is given for the test as it
is, where all breeds are equally frequent, and for one as uneven as the training. The last line is
JSON.
"""

import heads  # isort: skip  # makes model/ importable
import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dogbreeds.data.dataset import read
from dogbreeds.evaluation.calibrate import breed_weights, temperature
from dogbreeds.evaluation.metrics import ece, loss, softmax
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import Samples, fit_head, log_prior, prior_head
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.pretrained import BACKBONE, preprocess_config
from dogbreeds.training.head_only import imagenet_rows
from dogbreeds.training.settings import HeadSettings

LARGE, SMALL, TEST = 100, 5, 20  # photos of a breed
DRAWS = 5_000  # test photos of the uneven test, drawn with replacement
FIGURES = ("small_recall", "large_recall", "loss", "ece", "ece_uneven_test")


def draw(
    labels: NDArray[np.int64], random: np.random.Generator
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.bool_]]:
    """Return the rows of train, valid and test, and which breeds are small."""
    breeds = labels.max() + 1
    is_small = np.isin(np.arange(breeds), random.permutation(breeds)[: breeds // 2])
    rows: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for breed in range(breeds):
        own = random.permutation(np.flatnonzero(labels == breed)).tolist()
        count = SMALL if is_small[breed] else LARGE
        rows["train"] += own[:count]
        rows["valid"] += own[count : count + count // 5]
        rows["test"] += own[-TEST:]
    return {split: np.array(chosen) for split, chosen in rows.items()}, is_small


def figures(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    is_small: NDArray[np.bool_],
    random: np.random.Generator,
) -> dict[str, float]:
    """Return the figures of one head on the test photos of one seed."""
    right, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    frequency = np.where(is_small[labels], SMALL, LARGE)
    uneven = random.choice(len(labels), DRAWS, p=frequency / frequency.sum())
    values = (
        right[is_small[labels]].mean(),
        right[~is_small[labels]].mean(),
        loss(probabilities, labels),
        ece(confidence, right),
        ece(confidence[uneven], right[uneven]),
    )
    return {name: float(value) for name, value in zip(FIGURES, values, strict=True)}


def main() -> None:
    """Fit both heads for each seed; print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Adjusted logits against plain, on uneven sets.")
    parser.add_argument("--data", type=Path, default=heads.ROOT.parent / "shared/data/woof10")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cache", type=Path, help="folder of train.py's cache, to save time")
    arguments = parser.parse_args()
    dataset = read(arguments.data)
    backbone = load_backbone(BACKBONE)
    step = preprocess_config(backbone.module)
    network = Network(backbone.module, len(dataset.labels), step).eval()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        extractor = Extractor(network, step, arguments.cache or Path(name))
        paths = [photo.path for photo in dataset.photos]
        upright, mirrored = extractor(paths).vectors, extractor(paths, mirrored=True).vectors
    torch.set_num_threads(1)  # as train.py: a head is too small for more
    labels, imagenet = dataset.targets(dataset.photos), imagenet_rows(network)
    runs: dict[str, list[dict[str, float]]] = {"plain": [], "adjusted": []}
    for seed in range(arguments.seeds):
        rows, is_small = draw(labels, np.random.default_rng(seed))
        train, valid, test = (
            Samples(upright[rows[split]], labels[rows[split]])
            for split in ("train", "valid", "test")
        )
        both = Samples(
            np.concatenate([train.features, mirrored[rows["train"]]]), np.tile(train.labels, 2)
        )
        prior = prior_head(imagenet, dataset.labels, both)
        added = log_prior(both.labels, len(dataset.labels))
        for kind, adjustment, weights in (
            ("plain", np.zeros_like(added), None),
            ("adjusted", added, breed_weights(valid.labels)),
        ):
            head, _ = fit_head(prior, both, None, HeadSettings(), adjustment=adjustment)
            fitted = temperature(head.logits(valid.features), valid.labels, weights=weights)
            probabilities = softmax(head.logits(test.features), fitted)
            random = np.random.default_rng(seed)
            runs[kind].append(figures(probabilities, test.labels, is_small, random))
    result: dict[str, object] = {}
    print(f"{LARGE} and {SMALL} photos a breed, mean of {arguments.seeds} seeds")
    print(f"{'':18}{'plain':>8}{'adjusted':>10}   adjusted is higher in")
    for name in FIGURES:
        plain, adjusted = (np.array([run[name] for run in runs[kind]]) for kind in runs)
        above = int((adjusted > plain).sum())
        print(f"{name:18}{plain.mean():8.4f}{adjusted.mean():10.4f}   {above} of {len(plain)}")
        result |= {
            f"plain_{name}": round(float(plain.mean()), 4),
            f"adjusted_{name}": round(float(adjusted.mean()), 4),
        }
    print(json.dumps(result | {"seeds": list(range(arguments.seeds)), "photos": len(labels)}))


if __name__ == "__main__":
    main()
