"""Compare photos that `kennel label-queue` chooses with photos chosen at random, at equal labels.

    OMP_NUM_THREADS=1 python bench/label_queue.py     # ../shared/data/pets13, 5 seeds; a minute

The photos are of another source than ImageNet, on which the backbone was trained. Of each breed 4
are held out for the test and 1 is labelled; a head trains on those. Then, round by round, a rule
chooses 8 of the others, they get their labels, and the head trains again. `random` is the mean of
several draws. Besides Kennel's head, which starts from ImageNet's rows of the breeds it has, a head
that starts from zero: all breeds are then as new as the ones that ImageNet lacks. The interval is
Student's, over the seeds. The last line is JSON.
"""

import heads  # isort: skip  # makes model/ importable
import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from dogbreeds.data.dataset import read_test
from dogbreeds.data.informative import most_informative
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import Head, Samples, fit_head, prior_head, zero_prior
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.pretrained import BACKBONE, preprocess_config
from dogbreeds.training.head_only import imagenet_rows
from dogbreeds.training.settings import HeadSettings

HELD_OUT, LABELLED, CHOSEN, ROUNDS, DRAWS = 4, 1, 8, 4, 4
DATA = heads.ROOT.parent / "shared" / "data"

Rows = NDArray[np.int64]
Fit = Callable[[Rows], Head]
Rule = Callable[[NDArray[np.float64], NDArray[np.float32], np.random.Generator], Rows]


def at_random(
    probabilities: NDArray[np.float64],
    features: NDArray[np.float32],
    random: np.random.Generator,
) -> Rows:
    """Return random rows."""
    return random.permutation(len(features))[:CHOSEN]


def by_margin(
    probabilities: NDArray[np.float64],
    features: NDArray[np.float32],
    random: np.random.Generator,
) -> Rows:
    """Return the rows with the least between the first and the second breed."""
    ranked = np.sort(probabilities, axis=1)
    return np.argsort(ranked[:, -1] - ranked[:, -2], kind="stable")[:CHOSEN]


def by_queue(
    probabilities: NDArray[np.float64],
    features: NDArray[np.float32],
    random: np.random.Generator,
) -> Rows:
    """Return the rows that `kennel label-queue` has first."""
    return most_informative(probabilities, features, CHOSEN)


RULES: dict[str, Rule] = {"random": at_random, "margin": by_margin, "label-queue": by_queue}


def accuracies(
    rule: Rule,
    fit: Fit,
    split: tuple[Rows, Rows, Rows],
    samples: Samples,
    random: np.random.Generator,
) -> list[float]:
    """Return the accuracy on the test photos after each round."""
    test, labelled, rest = split
    features, head, top1 = samples.features, fit(labelled), []
    for _ in range(ROUNDS):
        chosen = rule(softmax(head.logits(features[rest])), features[rest], random)
        labelled, rest = np.concatenate([labelled, rest[chosen]]), np.delete(rest, chosen)
        head = fit(labelled)
        top1.append(heads.top1(head, Samples(features[test], samples.labels[test])))
    return top1


def split_of(labels: Rows, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return the rows held out, those labelled at the start, and the rest."""
    random = np.random.default_rng(seed)
    breeds = [random.permutation(np.flatnonzero(labels == b)) for b in range(labels.max() + 1)]
    start = HELD_OUT + LABELLED
    parts = [(rows[:HELD_OUT], rows[HELD_OUT:start], rows[start:]) for rows in breeds]
    test, labelled, rest = (np.concatenate(part) for part in zip(*parts, strict=True))
    return test, labelled, rest


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean's 95 % confidence interval by Student's t-distribution."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def main() -> None:
    """Run all rules on the same splits with both heads; print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="What to label next.")
    parser.add_argument("--data", type=Path, default=DATA / "pets13")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="folder of features; by default none is kept")
    arguments = parser.parse_args()
    dataset = read_test(arguments.data, whole=True)
    backbone = load_backbone(BACKBONE)
    step = preprocess_config(backbone.module)
    network = Network(backbone.module, len(dataset.labels), step).eval()
    paths = [photo.path for photo in dataset.photos]
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as temporary:
        extractor = Extractor(network, step, arguments.cache or Path(temporary))
        upright, mirrored = extractor(paths).vectors, extractor(paths, mirrored=True).vectors
    torch.set_num_threads(1)  # as train.py: a head is too small for more
    labels, imagenet = dataset.targets(dataset.photos), imagenet_rows(network)
    everything = Samples(upright, labels)

    def samples(rows: Rows) -> Samples:
        both = np.concatenate([upright[rows], mirrored[rows]])
        return Samples(both, np.tile(labels[rows], 2))

    def kennel(rows: Rows) -> Head:
        both = samples(rows)
        prior = prior_head(imagenet, dataset.labels, both)
        return fit_head(prior, both, None, HeadSettings())[0]

    def from_zero(rows: Rows) -> Head:
        prior = zero_prior(len(dataset.labels), upright.shape[1])
        return fit_head(prior, samples(rows), None, HeadSettings())[0]

    result: dict[str, object] = {"seeds": arguments.seeds, "photos": len(labels)}
    for head, fit in (("kennel", kennel), ("from zero", from_zero)):
        means: dict[str, list[float]] = {name: [] for name in RULES}
        for seed in range(arguments.seeds):
            split = split_of(labels, seed)
            for name, rule in RULES.items():
                of_draws = [
                    accuracies(rule, fit, split, everything, np.random.default_rng(draw))
                    for draw in range(DRAWS if name == "random" else 1)
                ]
                means[name].append(float(np.mean(of_draws)))
            row = "  ".join(f"{name} {values[-1]:.4f}" for name, values in means.items())
            print(f"{head}, seed {seed}: {row}", flush=True)
        for name in list(RULES)[1:]:
            differences = np.array(means[name]) - np.array(means["random"])
            low, high = interval(differences)
            print(
                f"{head}: {name} {np.mean(means[name]):.4f}, random "
                f"{np.mean(means['random']):.4f}, difference {differences.mean():+.4f} "
                f"({low:+.4f} to {high:+.4f})"
            )
            result[f"{head}, {name}"] = {
                "accuracy": round(float(np.mean(means[name])), 4),
                "random": round(float(np.mean(means["random"])), 4),
                "difference": round(float(differences.mean()), 4),
                "interval": [round(low, 4), round(high, 4)],
                "better_seeds": int((differences > 0).sum()),
            }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
