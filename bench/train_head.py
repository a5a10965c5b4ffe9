"""Measure a whole head-only training with search, and compare its head with simpler ones.

    python bench/train_head.py                          # ../shared/data/woof10, 20 trials, 2 cores
    python bench/train_head.py --data FOLDER --trials 20

The training is `model/train.py --tune N`, a process with a cold cache: reading, audit, features,
search, fit, calibration, evaluation, package and report; its seconds and memory are measured. The
rivals use the same features: a plain linear probe (weight decay chosen on valid), the pretrained
head cut to the breeds, and nearest class mean. The last line is JSON.
"""

import heads  # isort: skip  # makes model/ importable
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from dogbreeds.data.dataset import Dataset, read
from dogbreeds.evaluation.metrics import wilson
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import Head, Samples
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import Card
from dogbreeds.package.pretrained import preprocess_config
from dogbreeds.training.head_only import imagenet_rows

CORES = 2


def samples_of(dataset: Dataset, split: str, extractor: Extractor) -> Samples:
    """Return the features and labels of a split."""
    photos = dataset.of_split(split)
    labels = dataset.targets(photos)
    return Samples(extractor([photo.path for photo in photos]).vectors, labels)


def cut_head(imagenet: Head, dataset: Dataset) -> Head | None:
    """Return ImageNet's rows for the breeds, without training; None if it lacks one of them."""
    from dogbreeds.data.imagenet import DOG_CLASSES, dog_breeds  # noqa: PLC0415

    row_of = {breed.synset: row for breed, row in zip(dog_breeds(), DOG_CLASSES, strict=True)}
    if not all(label.synset in row_of for label in dataset.labels):
        return None
    rows = [row_of[label.synset] for label in dataset.labels]
    return Head(imagenet.weight[rows], imagenet.bias[rows])


def main() -> None:
    """Train, fit the rivals, and print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Our training against simpler heads.")
    parser.add_argument(
        "--data", type=Path, default=heads.ROOT.parent / "shared" / "data" / "woof10"
    )
    parser.add_argument("--trials", type=int, default=20)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)  # the process below inherits it
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        out, cache = Path(name) / "out", Path(name) / "cache"
        command = [
            sys.executable,
            str(heads.ROOT / "model" / "train.py"),
            *("--data", str(arguments.data), "--out", str(out), "--cache", str(cache)),
            *("--tune", str(arguments.trials)),
        ]
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2  # KiB on Linux
        evaluation = json.loads((out / "evaluation.json").read_text())
        with unpacked(out / "model.tar.gz") as package:
            card = Card.read(package)
        dataset = read(arguments.data)
        backbone = load_backbone(card.backbone)
        step = preprocess_config(backbone.module)
        network = Network(backbone.module, len(dataset.labels), step).eval()
        extractor = Extractor(network, step, cache)
        train, valid, test = (samples_of(dataset, s, extractor) for s in ("train", "valid", "test"))
        torch.set_num_threads(1)
        breeds = len(dataset.labels)
        rivals = {
            "linear probe": heads.best_linear_probe(train, valid, breeds),
            "cut pretrained head": cut_head(imagenet_rows(network), dataset),
            "nearest class mean": heads.nearest_class_mean(train, breeds),
        }
    shares: dict[str, dict[str, object]] = {}
    photos = len(test)
    print(f"{'':22}{'top-1':>7}  95 % (Wilson), {photos} photos")
    rows = {"Kennel": round(evaluation["top1"] * photos)} | {
        name: int(heads.right(head, test).sum())
        for name, head in rivals.items()
        if head is not None
    }
    for name, correct in rows.items():
        low, high = wilson(correct, photos)
        shares[name] = {"top1": correct / photos, "interval": [round(low, 4), round(high, 4)]}
        print(f"{name:22}{correct / photos:7.3f}  {low:.3f} to {high:.3f}")
    seen = evaluation["imagenet_photos"]
    note = (
        f"{seen} of {photos} test photos are ImageNet's, on which the backbone was trained"
        if seen
        else ""
    )
    print(f"{seconds:.1f} s end to end with {arguments.trials} trials, {peak:.2f} GB, {note}")
    result = {
        "seconds": round(seconds, 1),
        "peak_gb": round(peak, 3),
        "top1": evaluation["top1"],
        "rival_top1": max(shares[n]["top1"] for n in rivals if n in shares),  # type: ignore[type-var]
        "models": shares,
        "trials": arguments.trials,
        "cores": len(cores),
        "ece": round(evaluation["ece"], 4),
        "note": note,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
