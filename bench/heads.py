"""Simpler heads on the same frozen features, for `train_head.py` and `few_shot.py`."""

import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "model"))

from dogbreeds.network.head import Head, Samples  # noqa: E402  # after the path to model/

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # of a linear probe's weight decay, chosen on valid


def linear_probe(train: Samples, breeds: int, strength: float) -> Head:
    """Fit multinomial logistic regression with plain weight decay by L-BFGS until it converges."""
    features, labels = torch.from_numpy(train.features), torch.from_numpy(train.labels)
    weight = torch.zeros(breeds, features.shape[1], requires_grad=True)
    bias = torch.zeros(breeds, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-6
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(features @ weight.T + bias, labels)
        loss = loss + strength / 2 * weight.square().sum()
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Head(weight.detach().numpy(), bias.detach().numpy())


def best_linear_probe(train: Samples, valid: Samples, breeds: int) -> Head:
    """Return the linear probe with the weight decay of the highest top-1 on valid."""
    heads = [linear_probe(train, breeds, strength) for strength in STRENGTHS]
    return max(heads, key=lambda head: top1(head, valid))


def nearest_class_mean(train: Samples, breeds: int) -> Head:
    """Return a linear layer of the means of each breed's normalised features."""
    unit = train.features / np.linalg.norm(train.features, axis=1, keepdims=True)
    means = np.stack([unit[train.labels == breed].mean(axis=0) for breed in range(breeds)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return Head(means.astype(np.float32), np.zeros(breeds, np.float32))


def right(head: Head, samples: Samples) -> NDArray[np.bool_]:
    """Return for each photo whether its breed is the most probable one."""
    correct: NDArray[np.bool_] = head.logits(samples.features).argmax(axis=1) == samples.labels
    return correct


def top1(head: Head, samples: Samples) -> float:
    """Return the share of photos classified right."""
    return float(right(head, samples).mean())
