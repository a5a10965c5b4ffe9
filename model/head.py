"""The head: multinomial logistic regression on frozen features, pulled towards what is known.

    loss = mean cross-entropy for each photo + shrinkage / 2 * |weights - prior|^2

The prior holds the pretrained head's own row for every breed that ImageNet has, and the mean of
all its dogs' rows for the others. So with no photos the head is the pretrained one, with few it
hardly moves, and with many it learns what the photos say. A plain linear probe is the same with a
prior of zeros, and forgets what ImageNet's 1.2 million photos taught.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from breeds import DOG_CLASSES, dog_breeds
from card import Breed
from watch import Watch

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
BIAS_SHARE = 1.0  # the bias is pulled like a weight; breeds' frequencies should not take over


@dataclass(frozen=True)
class HeadSettings:
    """What fitting is told; the names of search_space.json are these, with hyphens."""

    shrinkage: float = 0.02  # of a photo's loss; 0 forgets the prior, 10 learns nothing
    learning_rate: float = 0.003  # Adam's first; a cosine takes it to 0
    batch_size: int = 64  # photos, each mirrored view counted as one
    epochs: int = 30
    seed: int = 20


@dataclass(frozen=True)
class Samples:
    """Features of photos, and the places of their breeds among the outputs."""

    features: Array  # (photos, channels)
    labels: Labels  # (photos,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Head:
    """A linear layer."""

    weight: Array  # (breeds, channels)
    bias: Array  # (breeds,)

    def logits(self, features: Array) -> Array:
        """Return [photos, breeds] for [photos, channels]."""
        found: Array = features @ self.weight.T + self.bias
        return found


@dataclass(frozen=True)
class EpochResult:
    """One line of the history."""

    epoch: int  # from 1
    train_loss: float  # mean cross-entropy for each photo, in nats
    valid_loss: float
    train_top1: float  # 0..1
    valid_top1: float
    seconds: float  # since fitting began


OnEpoch = Callable[[EpochResult], None]


def prior_head(imagenet: Head, breeds: Sequence[Breed]) -> Head:
    """Return ImageNet's rows for `breeds`; the mean of its dogs' rows for those it lacks.

    Parameters
    ----------
    imagenet : Head
        The backbone's own head over all 1,000 classes.
    """
    place = {breed.synset: index for breed, index in zip(dog_breeds(), DOG_CLASSES, strict=True)}
    dogs = list(DOG_CLASSES)
    mean_weight, mean_bias = imagenet.weight[dogs].mean(axis=0), imagenet.bias[dogs].mean()
    known = [place.get(breed.synset) for breed in breeds]
    return Head(
        np.stack([mean_weight if row is None else imagenet.weight[row] for row in known]),
        np.array([mean_bias if row is None else imagenet.bias[row] for row in known], np.float32),
    )


def zero_head(breeds: int, channels: int) -> Head:
    """Return the prior of a backbone whose own head knows nothing, or of a plain linear probe."""
    return Head(np.zeros((breeds, channels), np.float32), np.zeros(breeds, np.float32))


def fit_head(
    prior: Head,
    train: Samples,
    valid: Samples | None,
    settings: HeadSettings,
    *,
    watch: Watch | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Head, list[EpochResult]]:
    """Fit a head by Adam in mini-batches; the same arguments give the same bits.

    Parameters
    ----------
    valid : Samples or None
        Measured after each epoch, never learnt from; None where there are no photos for it.
    on_epoch : callable
        Given each epoch's result; may raise to end the fit early (the search prunes this way).

    Raises
    ------
    watch.StoppedByRule
        A rule of `watch` with the action `stop` found something.
    """
    started = time.monotonic()
    prior_weight, prior_bias = torch.from_numpy(prior.weight), torch.from_numpy(prior.bias)
    weight, bias = prior_weight.clone().requires_grad_(), prior_bias.clone().requires_grad_()
    named = [("breed_head.weight", weight), ("breed_head.bias", bias)]
    if watch:
        watch.before_training([(name, tensor.detach(), None) for name, tensor in named])
    features, labels = torch.from_numpy(train.features), torch.from_numpy(train.labels)
    generator = torch.Generator().manual_seed(settings.seed)
    steps = settings.epochs * math.ceil(len(train) / settings.batch_size)
    optimiser = torch.optim.Adam([weight, bias], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    history = []
    for epoch in range(1, settings.epochs + 1):
        order = torch.randperm(len(train), generator=generator)
        for start in range(0, len(train), settings.batch_size):
            batch = order[start : start + settings.batch_size]
            optimiser.zero_grad()
            loss = cross_entropy(features[batch] @ weight.T + bias, labels[batch])
            moved = (weight - prior_weight).square().sum()
            moved = moved + BIAS_SHARE * (bias - prior_bias).square().sum()
            torch.autograd.backward(loss + settings.shrinkage / 2 * moved)
            if watch:
                watch.step(loss, [(name, part.detach(), part.grad) for name, part in named])
            optimiser.step()
            schedule.step()
        head = Head(weight.detach().numpy().copy(), bias.detach().numpy().copy())
        train_loss, train_top1 = loss_and_top1(head, train)
        valid_loss, valid_top1 = loss_and_top1(head, valid or train)
        took = time.monotonic() - started
        result = EpochResult(epoch, train_loss, valid_loss, train_top1, valid_top1, round(took, 3))
        history.append(result)
        if watch:
            watch.epoch(train_loss, valid_loss, train_top1, valid_top1)
        if on_epoch:
            on_epoch(result)
    return head, history


def loss_and_top1(head: Head, samples: Samples) -> tuple[float, float]:
    """Return the mean cross-entropy for each photo, and the share told right."""
    logits = torch.from_numpy(head.logits(samples.features))
    labels = torch.from_numpy(samples.labels)
    top1 = (logits.argmax(dim=1) == labels).float().mean()
    return float(cross_entropy(logits, labels)), float(top1)
