"""The head: multinomial logistic regression on frozen features, pulled towards what is known.

    loss = mean cross-entropy for each photo + shrinkage / 2 * |weights - prior|^2

The prior holds the pretrained head's own row for every breed that ImageNet has, times one scale
for all of them: among 10 breeds that head is less sure than it may be, and left as they are the
rows would spend what they may move on growing. So with few photos the head hardly moves from the
pretrained one, and with many it learns what they say. A breed that ImageNet lacks starts from the
mean of all its dogs' rows and is pulled a hundredth as much, since that mean is no opinion. A plain
linear probe is the same with a prior of zeros, and forgets what 1.2 million photos taught.
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
from dogbreeds.watch.watch import Watch

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
UNKNOWN_SHARE = 0.01  # of the shrinkage, for breeds without a row in the pretrained head
LARGEST_SCALE = 2.0  # of the pretrained rows: few photos, all told right, would ask for infinity


@dataclass(frozen=True)
class HeadSettings:
    """What fitting is told; the names of search_space.json are these, with hyphens."""

    shrinkage: float = 0.03  # of a photo's loss; 0 forgets the prior, 10 learns nothing
    learning_rate: float = 0.01  # Adam's first; a cosine takes it to 0
    batch_size: int = 32  # photos, each mirrored view counted as one
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
class Prior:
    """Where fitting starts, and what it is pulled towards."""

    head: Head
    pull: Array  # (breeds,), how strongly, as a share of the shrinkage


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


def prior_head(imagenet: Head, breeds: Sequence[Breed], train: Samples) -> Prior:
    """Return ImageNet's rows for `breeds`, scaled to have the least loss on `train`.

    Parameters
    ----------
    imagenet : Head
        The backbone's own head over all 1,000 classes.
    """
    place = {breed.synset: index for breed, index in zip(dog_breeds(), DOG_CLASSES, strict=True)}
    rows = [place.get(breed.synset) for breed in breeds]
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
    """Return the prior of a backbone whose own head knows nothing, or of a plain linear probe."""
    head = Head(np.zeros((breeds, channels), np.float32), np.zeros(breeds, np.float32))
    return Prior(head, np.ones(breeds, np.float32))


def _scale(head: Head, known: NDArray[np.bool_], train: Samples) -> float:
    """Return the factor at which the `known` rows explain their own breeds' photos best."""
    photos = known[train.labels]
    places = np.cumsum(known) - 1  # of a known breed among the known ones
    logits = head.logits(train.features[photos])[:, known]
    found = 1 / temperature(logits, places[train.labels[photos]], smoothing=0.0)
    return min(found, LARGEST_SCALE)


def fit_head(
    prior: Prior,
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
    prior_weight = torch.from_numpy(prior.head.weight)
    prior_bias, pull = torch.from_numpy(prior.head.bias), torch.from_numpy(prior.pull)
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
            moved = (weight - prior_weight).square().sum(dim=1) + (bias - prior_bias).square()
            torch.autograd.backward(loss + settings.shrinkage / 2 * (pull * moved).sum())
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
