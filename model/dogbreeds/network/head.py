"""Fit the head: multinomial logistic regression on frozen features, shrunk towards a prior.

    loss = mean cross-entropy for each photo + shrinkage / 2 * |weights - prior|^2

The prior holds the pretrained head's row for every breed that ImageNet has, times one scale for
all of them: among 10 breeds that head is less confident than it could be, and unscaled rows would
use up the shrinkage by growing. With few photos the head hardly moves from the pretrained one; with
many it learns from them. A breed that ImageNet lacks starts from the mean of all dogs' rows, which
says little about it, and is shrunk a hundredth as much. A plain linear probe is the same with a
prior of zeros.

Where the largest breed has more than `UNEVEN` times the training photos of the smallest, the loss
is that of logits + log(the breed's share of the photos): logit adjustment (Menon et al., 2021). The
head then need not learn how frequent the breeds are in this set, which costs the small ones recall.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from dogbreeds.data.imagenet import DOG_CLASSES, dog_breeds
from dogbreeds.evaluation.calibrate import temperature
from dogbreeds.package.card import Breed
from dogbreeds.training.settings import HeadSettings
from dogbreeds.watch.watch import Watch

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
UNKNOWN_SHARE = 0.01  # of the shrinkage, for breeds without a row in the pretrained head
UNEVEN = 5  # times the photos of the smallest breed, above which logits are adjusted
MAX_SCALE = 2.0  # of the pretrained rows; few photos, all classified right, have no best scale


@dataclass(frozen=True)
class Samples:
    """The features and labels of photos."""

    features: Array  # (photos, channels)
    labels: Labels  # (photos,), indices of the head's outputs

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Head:
    """A linear layer."""

    weight: Array  # (breeds, channels)
    bias: Array  # (breeds,)

    def logits(self, features: Array) -> Array:
        """Return [photos, breeds] for [photos, channels]."""
        logits: Array = features @ self.weight.T + self.bias
        return logits


@dataclass(frozen=True)
class Prior:
    """The head where fitting starts and towards which it is shrunk."""

    head: Head
    pull: Array  # (breeds,), factor of the shrinkage


@dataclass(frozen=True)
class EpochResult:
    """Loss and top-1 after one epoch."""

    epoch: int  # from 1
    train_loss: float  # mean cross-entropy for each photo, in nats
    valid_loss: float
    train_top1: float  # 0..1
    valid_top1: float
    seconds: float  # since fitting began


OnEpoch = Callable[[EpochResult], None]


def prior_head(imagenet: Head, breeds: Sequence[Breed], train: Samples) -> Prior:
    """Return a prior of ImageNet's rows for `breeds`, scaled to the least loss on `train`.

    Parameters
    ----------
    imagenet : Head
        The backbone's own head over all 1,000 classes.
    """
    row_of = {breed.synset: row for breed, row in zip(dog_breeds(), DOG_CLASSES, strict=True)}
    rows = [row_of.get(breed.synset) for breed in breeds]
    dogs = list(DOG_CLASSES)
    mean_weight, mean_bias = imagenet.weight[dogs].mean(axis=0), imagenet.bias[dogs].mean()
    head = Head(
        np.stack([mean_weight if row is None else imagenet.weight[row] for row in rows]),
        np.array([mean_bias if row is None else imagenet.bias[row] for row in rows], np.float32),
    )
    known = np.array([row is not None for row in rows])
    scale = np.float32(_scale(head, known, train))
    pull = np.where(known, 1.0, UNKNOWN_SHARE).astype(np.float32)
    return Prior(Head(head.weight * scale, head.bias * scale), pull)


def zero_prior(breeds: int, channels: int) -> Prior:
    """Return a prior of zeros, for a backbone with random weights or a plain linear probe."""
    head = Head(np.zeros((breeds, channels), np.float32), np.zeros(breeds, np.float32))
    return Prior(head, np.ones(breeds, np.float32))


def is_uneven(photos: Sequence[int] | Labels) -> bool:
    """Return whether the largest breed has more than `UNEVEN` times the photos of the smallest.

    A breed without photos counts as one of a single photo.
    """
    return bool(max(photos) > UNEVEN * max(min(photos), 1))


def log_prior(labels: Labels, breeds: int) -> Array:
    """Return log(photos of a breed / mean over breeds) for an uneven set, else zeros, (breeds,).

    A breed without photos counts as one of a single photo.
    """
    photos = np.maximum(np.bincount(labels, minlength=breeds), 1)
    if not is_uneven(photos):
        return np.zeros(breeds, np.float32)
    logs: Array = np.log(photos / photos.mean()).astype(np.float32)
    return logs


def _scale(head: Head, known: NDArray[np.bool_], train: Samples) -> float:
    """Return the scale at which the `known` rows have the least loss on their breeds' photos."""
    photos = known[train.labels]
    index_among_known = np.cumsum(known) - 1
    logits = head.logits(train.features[photos])[:, known]
    labels = index_among_known[train.labels[photos]]
    return min(1 / temperature(logits, labels, smoothing=0.0), MAX_SCALE)


def fit_head(
    prior: Prior,
    train: Samples,
    valid: Samples | None,
    settings: HeadSettings,
    *,
    adjustment: Array | None = None,
    watch: Watch | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Head, list[EpochResult]]:
    """Fit a head by Adam in mini-batches; the same arguments give the same bits.

    Parameters
    ----------
    valid : Samples or None
        Measured after each epoch, never trained on; None where there are none.
    adjustment : ndarray, optional
        Added to the logits in every loss, (breeds,); by default the `log_prior` of `train`.
    on_epoch : callable
        Called with each epoch's result; may raise to end the fit early (the search prunes so).

    Raises
    ------
    watch.StoppedByRule
        A rule of `watch` with the action `stop` found something.
    """
    started = time.monotonic()
    prior_weight = torch.from_numpy(prior.head.weight)
    prior_bias, pull = torch.from_numpy(prior.head.bias), torch.from_numpy(prior.pull)
    weight, bias = prior_weight.clone().requires_grad_(), prior_bias.clone().requires_grad_()
    named = [("breed_head.weight", weight), ("breed_head.bias", bias)]
    if watch:
        watch.before_training([(name, tensor.detach(), None) for name, tensor in named])
    features, labels = torch.from_numpy(train.features), torch.from_numpy(train.labels)
    if adjustment is None:
        adjustment = log_prior(train.labels, len(prior.pull))
    added = torch.from_numpy(adjustment)
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
            loss = cross_entropy(features[batch] @ weight.T + bias + added, labels[batch])
            moved = (weight - prior_weight).square().sum(dim=1) + (bias - prior_bias).square()
            torch.autograd.backward(loss + settings.shrinkage / 2 * (pull * moved).sum())
            if watch:
                watch.step(loss, [(name, part.detach(), part.grad) for name, part in named])
            optimiser.step()
            schedule.step()
        head = Head(weight.detach().numpy().copy(), bias.detach().numpy().copy())
        train_loss, train_top1 = loss_and_top1(head, train, added)
        valid_loss, valid_top1 = loss_and_top1(head, valid or train, added)
        seconds = round(time.monotonic() - started, 3)
        result = EpochResult(epoch, train_loss, valid_loss, train_top1, valid_top1, seconds)
        history.append(result)
        if watch:
            watch.epoch(train_loss, valid_loss, train_top1, valid_top1)
        if on_epoch:
            on_epoch(result)
    return head, history


def loss_and_top1(head: Head, samples: Samples, added: torch.Tensor) -> tuple[float, float]:
    """Return the mean cross-entropy of the photos with `added` to their logits, and top-1."""
    logits = torch.from_numpy(head.logits(samples.features))
    labels = torch.from_numpy(samples.labels)
    top1 = (logits.argmax(dim=1) == labels).float().mean()
    return float(cross_entropy(logits + added, labels)), float(top1)
