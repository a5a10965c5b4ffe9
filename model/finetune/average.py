"""Between the head-only network and the fine-tuned one: the best of several ways there.

Weights in the middle are often better than either end on photos unlike the training's, and never
worse than head-only on valid, since 0 is among the ways (WiSE-FT, Wortsman et al., 2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune.distributed import World
from finetune.measure import calibrated_loss, logits_of
from finetune.pixels import Pixels
from metrics import Labels
from network import Network

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
    """Give `network`, fine-tuned, the weights of the share with the lowest valid loss."""
    device = next(network.parameters()).device
    end = {name: value.clone() for name, value in network.state_dict().items()}
    losses: dict[float, float] = {}
    for share in sorted(set(shares)):
        network.load_state_dict(between(start, end, share))
        losses[share] = calibrated_loss(logits_of(network, valid, world, device), labels)
    best = min(losses, key=lambda share: (losses[share], share))
    network.load_state_dict(between(start, end, best))
    return Choice(best, {f"{share:g}": round(value, 6) for share, value in losses.items()})
