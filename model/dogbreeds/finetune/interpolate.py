"""Between the head-only network and the fine-tuned one: the best of several ways there.

Weights in the middle are often better than either end on photos unlike the training's (WiSE-FT,
Wortsman et al., 2022). Of the ways that valid cannot tell from the best one, within one standard
error of the loss, the furthest is taken (Breiman's rule, 1984): photos that a pretrained backbone
has seen flatter the network that stays where it was.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dogbreeds.evaluation.calibrate import FEWEST
from dogbreeds.evaluation.metrics import Labels
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.measure import calibrated_losses, logits_of
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.network.network import Network

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Choice:
    """What was tried and taken."""

    share: float  # 0: head-only, 1: fine-tuned
    losses: dict[str, float]  # share as text: calibrated valid loss


def between(start: Weights, end: Weights, share: float) -> dict[str, Tensor]:
    """Return the weights at `share` of the straight way from `start` to `end`."""
    found = {}
    for name, value in end.items():
        mixable = value.is_floating_point()  # a batch norm's counter is not
        found[name] = torch.lerp(start[name].to(value), value, share) if mixable else value
    return found


def choose(
    network: Network,
    start: Weights,
    shares: Sequence[float],
    *,
    valid: Pixels,
    labels: Labels,
    world: World,
) -> Choice:
    """Give `network`, fine-tuned, the weights of the share that `furthest_of_the_best` names."""
    device = next(network.parameters()).device
    end = {name: value.clone() for name, value in network.state_dict().items()}
    losses: dict[float, NDArray[np.float64]] = {}
    for share in sorted(set(shares)):
        network.load_state_dict(between(start, end, share))
        losses[share] = calibrated_losses(logits_of(network, valid, world, device), labels)
    best = furthest_of_the_best(losses)
    network.load_state_dict(between(start, end, best))
    return Choice(
        best, {f"{share:g}": round(float(each.mean()), 6) for share, each in losses.items()}
    )


def furthest_of_the_best(losses: Mapping[float, NDArray[np.float64]]) -> float:
    """Return the largest share whose photos' losses are the lowest, or not tellably higher.

    With fewer than `calibrate.FEWEST` photos nothing can be told, and the lowest is taken.

    Parameters
    ----------
    losses : mapping of float to ndarray
        For each share the loss of each valid photo.
    """
    lowest = min(losses, key=lambda share: (losses[share].mean(), share))
    if len(losses[lowest]) < FEWEST:
        return lowest

    def tellable(other: NDArray[np.float64]) -> bool:
        difference = other - losses[lowest]
        error = difference.std(ddof=1) / math.sqrt(len(difference))
        return bool(difference.mean() > error)

    return max(share for share, each in losses.items() if not tellable(each))
