"""Fit what turns the network's outputs into an answer, on valid photos that no head learnt from.

The temperature of the probabilities, the scores from which a photo may show a dog and surely does,
and the probability from which a breed is likely. None of them needs photos without a dog.
"""

import math

import numpy as np

from dogbreeds.evaluation.metrics import Floats, Labels

RECALL = 0.99  # of dogs that may be dogs by their score
SURE_RECALL = 0.95  # of dogs that surely are
COVERAGE = 0.9  # of photos whose breed is among the likely ones
FEWEST = 20  # valid photos; with fewer, a temperature says more about chance than about the model
_LOW, _HIGH = math.log(0.05), math.log(20.0)
_STEPS = 60  # of the golden section: the bracket shrinks to 1e-12 of itself


def breed_weights(labels: Labels) -> Floats:
    """Return a weight for each photo, (photos,), mean 1: each breed's photos weigh as much in all.

    For heads whose logits were adjusted (`network/head.py`), which take all breeds for equally
    frequent: a temperature fitted on an uneven set as it is would be that of its largest breeds.
    """
    photos = np.bincount(labels)
    weights: Floats = len(labels) / np.count_nonzero(photos) / photos[labels]
    return weights


def temperature(
    logits: Floats,
    labels: Labels,
    smoothing: float | None = None,
    weights: Floats | None = None,
) -> float:
    """Return the T at which softmax(logits / T) has the lowest loss (Guo et al., 2017).

    The loss has one minimum in 1/T, so a golden-section search finds it. With fewer than
    ``FEWEST`` photos it is 1.

    Parameters
    ----------
    logits
        [n, breeds].
    labels
        [n], breed indices.
    smoothing
        The share of each photo's target that is spread over the other breeds; by default
        1 / (n + 2), as Platt (1999) smooths his targets. Without it, n predictions that happen to
        be all correct would make the model certain of everything; with many photos it vanishes.
    weights
        [n], of the photos in the loss, mean 1; by default all equal.
    """
    if len(labels) < FEWEST:
        return 1.0
    if smoothing is None:
        smoothing = 1 / (len(labels) + 2)
    low, high = _LOW, _HIGH
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(_STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        losses = [_loss_at(at, logits, labels, smoothing, weights) for at in (left, right)]
        if losses[0] < losses[1]:
            high = right
        else:
            low = left
    return round(math.exp((low + high) / 2), 4)


def dog_threshold(scores: Floats, recall: float = RECALL) -> float:
    """Return the largest score that at least `recall` of `scores`, all of dogs, reach.

    Rounded down to 6 decimals, so that float32 and JSON cannot push a dog below it.
    """
    allowed = math.floor((1 - recall) * len(scores) + 1e-9)  # 1 % of 200 is 2, not 1.99999
    return _rounded_down(float(np.sort(scores)[allowed]))


def likely_threshold(probabilities: Floats, labels: Labels) -> float | None:
    """Return the probability that the right breed reaches in `COVERAGE` of photos like these.

    Split conformal prediction with a plain threshold (Sadinle et al., 2019), which gives the
    smallest sets on average: the breeds at or above it hold the right one of a new photo with a
    probability of `COVERAGE` to `COVERAGE` + 1 / (n + 1). With fewer than ``FEWEST`` photos, None.

    Parameters
    ----------
    probabilities
        [n, breeds], calibrated.
    labels
        [n], breed indices.
    """
    if len(labels) < FEWEST:
        return None
    own = np.sort(probabilities[np.arange(len(labels)), labels])
    missed = math.floor((1 - COVERAGE) * (len(labels) + 1) + 1e-9)
    return _rounded_down(float(own[missed - 1]))


def _rounded_down(value: float) -> float:
    return math.floor(value * 1e6) / 1e6


def _loss_at(
    log_temperature: float,
    logits: Floats,
    labels: Labels,
    smoothing: float,
    weights: Floats | None,
) -> float:
    scaled = logits / math.exp(log_temperature)
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    true = logs[np.arange(len(labels)), labels]
    others = (logs.sum(axis=1) - true) / max(logits.shape[1] - 1, 1)
    smoothed = (1 - smoothing) * true + smoothing * others
    return float(-np.average(smoothed, weights=weights))
