"""Choose weights between the head-only network and the fine-tuned one.

Interpolated weights are often better than either end on photos unlike the training's (WiSE-FT,
Wortsman et al., 2022). Of the shares whose valid loss is within one standard error of the lowest,
the largest is chosen (Breiman's rule, 1984).

Photos that the backbone has seen (`data/seen.py`) must not choose: they favour the fine-tuned
network even where it is worse on others. With such valid photos train.py keeps the head-only
network, unless `--accept seen-by-backbone` is given.
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
from dogbreeds.finetune.measure import calibrated_losses, compute_logits
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.network.network import Network

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Choice:
    """The chosen share, and the losses that decided."""

    share: float  # 0: head-only, 1: fine-tuned
    losses: dict[str, float]  # share as text: calibrated valid loss


def interpolate(start: Weights, end: Weights, share: float) -> dict[str, Tensor]:
    """Return start + share * (end - start), for each floating-point tensor."""
    weights = {}
    for name, value in end.items():
        mixable = value.is_floating_point()  # a batch norm's counter is not
        weights[name] = torch.lerp(start[name].to(value), value, share) if mixable else value
    return weights


def choose(
    network: Network,
    start: Weights,
    shares: Sequence[float],
    *,
    valid: Pixels,
    labels: Labels,
    adjustment: NDArray[np.float32],
    world: World,
) -> Choice:
    """Replace the fine-tuned weights of `network` by those of the best share.

    See `largest_share_within_one_error`.

    Parameters
    ----------
    adjustment : ndarray
        Added to the logits in training, (breeds,); valid's losses are those of the same sum.
    """
    device = next(network.parameters()).device
    end = {name: value.clone() for name, value in network.state_dict().items()}
    losses: dict[float, NDArray[np.float64]] = {}
    for share in sorted(set(shares)):
        network.load_state_dict(interpolate(start, end, share))
        logits = compute_logits(network, valid, world, device) + adjustment
        losses[share] = calibrated_losses(logits, labels)
    best = largest_share_within_one_error(losses)
    network.load_state_dict(interpolate(start, end, best))
    return Choice(
        best, {f"{share:g}": round(float(values.mean()), 6) for share, values in losses.items()}
    )


def largest_share_within_one_error(losses: Mapping[float, NDArray[np.float64]]) -> float:
    """Return the largest share whose mean loss is within one standard error of the lowest.

    With fewer than `calibrate.FEWEST` photos the error is unknown: the share of the lowest mean
    loss is returned.

    Parameters
    ----------
    losses : mapping of float to ndarray
        For each share the loss of each valid photo.
    """
    lowest = min(losses, key=lambda share: (losses[share].mean(), share))
    if len(losses[lowest]) < FEWEST:
        return lowest

    def is_worse(values: NDArray[np.float64]) -> bool:
        difference = values - losses[lowest]
        error = difference.std(ddof=1) / math.sqrt(len(difference))
        return bool(difference.mean() > error)

    return max(share for share, values in losses.items() if not is_worse(values))
