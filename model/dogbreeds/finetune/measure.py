"""Measure a network on valid, its photos shared among the processes."""

import contextlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dogbreeds.evaluation.calibrate import temperature
from dogbreeds.evaluation.metrics import Labels, loss, losses, softmax
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.network.network import Network

BATCH = 32  # photos in one forward pass


@dataclass(frozen=True)
class ValidMetrics:
    """Loss and accuracy on photos that the network did not learn from."""

    loss: float  # mean cross-entropy for each photo, in nats
    top1: float  # 0..1


def compute_logits(
    network: Network, pixels: Pixels, world: World, device: torch.device
) -> NDArray[np.float32]:
    """Return logits [photos, breeds], the same on every process; each computes its share."""
    network.eval()
    own = list(range(world.rank, len(pixels), world.size))
    batches = [own[start : start + BATCH] for start in range(0, len(own), BATCH)]
    parts = [np.zeros((0, network.breed_head.out_features), np.float32)]
    half = torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else None
    with torch.inference_mode(), half or contextlib.nullcontext():
        for photos, _ in pixels.batches(batches):
            logits = network.breed_head(network.features(photos))
            parts.append(logits.float().cpu().numpy())
    by_rank = world.all_gather(np.concatenate(parts))
    logits_of_all = np.zeros((len(pixels), by_rank[0].shape[1]), np.float32)
    for rank, logits_of_rank in enumerate(by_rank):
        logits_of_all[rank :: world.size] = logits_of_rank
    return logits_of_all


def measure(
    logits: NDArray[np.float32], labels: Labels, adjustment: NDArray[np.float32]
) -> ValidMetrics:
    """Return top-1 of logits [photos, breeds], and their loss with `adjustment` [breeds] added."""
    correct = logits.argmax(axis=1) == labels
    return ValidMetrics(loss(softmax(logits + adjustment), labels), float(correct.mean()))


def calibrated_losses(logits: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """Return each photo's loss (photos,) after the temperature that packaging would choose."""
    return losses(softmax(logits, temperature(logits, labels)), labels)
