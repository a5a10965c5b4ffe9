"""How good a network is on valid, its photos shared among the processes."""

import contextlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dogbreeds.evaluation.calibrate import temperature
from dogbreeds.evaluation.metrics import Labels, loss, softmax
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.network.network import Network

TINY = 1e-12  # a probability of 0 for what was true costs 27.6 nats and no infinity
BATCH = 32  # photos in one forward pass


@dataclass(frozen=True)
class Measured:
    """A network on photos that it did not learn from."""

    loss: float  # mean cross-entropy for each photo, in nats
    top1: float  # 0..1


def logits_of(
    network: Network, pixels: Pixels, world: World, device: torch.device
) -> NDArray[np.float32]:
    """Return logits [photos, breeds], the same on every process; each computes its share."""
    network.eval()
    own = list(range(world.rank, len(pixels), world.size))
    plan = [own[start : start + BATCH] for start in range(0, len(own), BATCH)]
    found = [np.zeros((0, network.breed_head.out_features), np.float32)]
    half = torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else None
    with torch.inference_mode(), half or contextlib.nullcontext():
        for photos, _ in pixels.batches(plan):
            logits = network.breed_head(network.features(photos))
            found.append(logits.float().cpu().numpy())
    shares = world.gathered(np.concatenate(found))
    whole = np.zeros((len(pixels), shares[0].shape[1]), np.float32)
    for rank, share in enumerate(shares):
        whole[rank :: world.size] = share
    return whole


def measured(logits: NDArray[np.float32], labels: Labels) -> Measured:
    """Return loss and top-1 of logits."""
    right = logits.argmax(axis=1) == labels
    return Measured(loss(softmax(logits), labels), float(right.mean()))


def calibrated_losses(logits: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """Return each photo's loss after the temperature that packaging would choose."""
    scaled = softmax(logits, temperature(logits, labels))
    losses: NDArray[np.float64] = -np.log(np.maximum(scaled[np.arange(len(labels)), labels], TINY))
    return losses
