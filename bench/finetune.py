"""Compare fine-tuning with head-only training: top-1 with Wilson intervals, seconds, memory.

    python bench/finetune.py                  # ../shared/data/woof10 on two cores
    python bench/finetune.py --data FOLDER --notdogs FOLDER --recipe large

Both are whole runs of `model/train.py`, each a process with a cold cache. The two packages then
classify the same test photos, and photos without a dog. The last line is JSON. No setting was
chosen on the test photos (docs/training.md).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from dogbreeds.data.dataset import Dataset, read
from dogbreeds.evaluation.compare import paired_bootstrap
from dogbreeds.evaluation.evaluate import PHOTO_SUFFIXES, predict_photos
from dogbreeds.evaluation.metrics import auroc, wilson
from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import Card
from dogbreeds.serving.inference import model_fn

ROOT = Path(__file__).resolve().parent.parent
CORES = 2


def trained(data: Path, folder: Path, flags: list[str]) -> float:
    """Run model/train.py with output in `folder`/out; return its wall time in seconds."""
    command = [sys.executable, str(ROOT / "model" / "train.py"), "--data", str(data)]
    command += ["--out", str(folder / "out"), "--cache", str(folder / "cache"), *flags]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def evaluated(folder: Path, dataset: Dataset, notdogs: list[Path]) -> dict[str, Any]:
    """Return the correct test predictions, the AUROC against photos without a dog, and the card."""
    with unpacked(folder / "out" / "model.tar.gz") as package:
        model = model_fn(str(package))
        photos = dataset.of_split("test")
        answers = predict_photos(model.engine, model.card.input, [photo.path for photo in photos])
        breeds = [breed.breed for breed in model.breeds]
        predicted = answers.logits.argmax(axis=1)
        right = predicted == np.array([breeds.index(photo.breed) for photo in photos])
        others = predict_photos(model.engine, model.card.input, notdogs).scores if notdogs else None
        card = Card.read(package)
    return {
        "right": right,
        "auroc": auroc(answers.scores, others) if others is not None else None,
        "card": card,
    }


def main() -> None:
    """Train twice, compare, and print a table and the line of JSON."""
    shared = ROOT.parent / "shared" / "data"
    parser = argparse.ArgumentParser(description="Fine-tuned against head-only.")
    parser.add_argument("--data", type=Path, default=shared / "woof10")
    parser.add_argument("--notdogs", type=Path, default=shared / "notdogs")
    parser.add_argument("--recipe", default="", help="as train.py's")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)  # the processes below inherit it
    dataset = read(arguments.data)
    notdogs = sorted(p for p in arguments.notdogs.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
    runs: dict[str, list[str]] = {
        "head-only": [],
        "fine-tuned": [
            *("--finetune", "--accept", "seen-by-backbone"),
            *(["--recipe", arguments.recipe] if arguments.recipe else []),
        ],
    }
    runs_by_kind: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        for kind, flags in runs.items():
            folder = Path(name) / kind
            seconds = trained(arguments.data, folder, flags)
            runs_by_kind[kind] = evaluated(folder, dataset, notdogs) | {"seconds": seconds}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2  # KiB on Linux
    shares: dict[str, dict[str, Any]] = {}
    photos = len(dataset.of_split("test"))
    print(f"{'':12}{'top-1':>7}  95 % (Wilson), {photos} photos   not-dog AUROC   seconds")
    for kind, run in runs_by_kind.items():
        low, high = wilson(int(run["right"].sum()), photos)
        top1 = float(run["right"].mean())
        shares[kind] = {"top1": top1, "interval": [round(low, 4), round(high, 4)]}
        score = f"{run['auroc']:.4f}" if run["auroc"] is not None else "-"
        print(f"{kind:12}{top1:7.3f}  {low:.3f} to {high:.3f} {score:>26} {run['seconds']:9.0f}")
    tuned_run, head_run = runs_by_kind["fine-tuned"], runs_by_kind["head-only"]
    difference = paired_bootstrap(tuned_run["right"], head_run["right"])
    tuned = tuned_run["card"].training["finetune"]
    print(
        f"interpolated: {tuned['interpolation_share']} of the way from head-only to fine-tuned, at "
        f"{tuned_run['card'].input.size} pixels; difference {difference.difference:+.3f} "
        f"({difference.interval[0]:+.3f} to {difference.interval[1]:+.3f})"
    )
    result = {
        "top1": shares["fine-tuned"]["top1"],
        "head_top1": shares["head-only"]["top1"],
        "seconds": round(tuned_run["seconds"], 1),
        "head_seconds": round(head_run["seconds"], 1),
        "interval": shares["fine-tuned"]["interval"],
        "head_interval": shares["head-only"]["interval"],
        "difference_interval": [round(value, 4) for value in difference.interval],
        "auroc_not_dog": tuned_run["auroc"],
        "head_auroc_not_dog": head_run["auroc"],
        "peak_gb": round(peak, 2),
        "interpolation_share": tuned["interpolation_share"],
        "valid_loss_by_share": tuned["valid_loss_by_share"],
        "cores": len(cores),
        "imagenet_photos": tuned_run["card"].data["imagenet_photos"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
