"""A tiny network and a tiny data set: a fine-tuning in under a second."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import timm
import torch

from dogbreeds.evaluation.metrics import Labels
from dogbreeds.finetune.cache import served_view, whole_view
from dogbreeds.finetune.distributed import SINGLE_PROCESS, World
from dogbreeds.finetune.loop import Job, LabelledPixels
from dogbreeds.finetune.pixels import open_pixels
from dogbreeds.finetune.recipes import SMALL, Recipe
from dogbreeds.network.network import Network
from dogbreeds.package.card import MAX_PROBABILITY, PreprocessConfig
from tests.model.pictures import write

BREEDS = 3
STEP = PreprocessConfig(64, 0.95, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
RECIPE = replace(
    SMALL,
    epochs=3,
    batch_size=4,
    learning_rate=1e-3,
    frozen_stages=0,
    distill_weight=0.5,
    layer_decay=0.9,
)


def network() -> Network:
    """A network of random weights, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = timm.create_model("test_resnet")
        return Network(backbone, BREEDS, STEP, MAX_PROBABILITY).eval()


def photos(folder: Path, count: int, first: int = 0) -> tuple[list[Path], Labels]:
    """`count` pictures and labels that mean nothing."""
    paths = [write(folder / f"{n}.jpg", n) for n in range(first, first + count)]
    return paths, np.arange(count, dtype=np.int64) % BREEDS


def job(
    folder: Path, recipe: Recipe = RECIPE, world: World = SINGLE_PROCESS, key: str = "a key"
) -> Job:
    """A training of 14 photos, measured on 5."""
    cpu = torch.device("cpu")
    splits = []
    for count, first, view in ((14, 0, whole_view(72)), (5, 100, served_view(STEP))):
        paths, labels = photos(folder / "photos", count, first)
        pixels = open_pixels(
            paths, view, cache=folder / "cache", device=cpu, threads=1, host_gb=1.0
        )
        splits.append(LabelledPixels(pixels, labels))
    teacher_probs = (
        torch.rand(14, 1000, generator=torch.Generator().manual_seed(2)).softmax(dim=1).half()
    )
    return Job(
        network=network(),
        recipe=recipe,
        size=STEP.size,
        train=splits[0],
        valid=splits[1],
        adjustment=np.zeros(BREEDS, np.float32),
        teacher_probs=teacher_probs,
        world=world,
        checkpoints=folder / "checkpoints",
        key=key,
    )
