"""Metrics of a classifier: plain functions of arrays, each with its definition.

Losses are natural-log means for each photo, shares lie in 0..1.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]
BINS = 10  # of equal mass: each holds as many photos as the next, give or take one
_Z95 = 1.959963984540054  # a normal distribution's 97.5 % quantile
_SMALLEST = 1e-12  # a probability of 0 for the true breed costs 27.6 nats, not infinity


def wilson(right: int, photos: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share of `right` among `photos` (1927)."""
    if photos == 0:
        return 0.0, 1.0
    share, z2 = right / photos, _Z95**2
    middle = share + z2 / (2 * photos)
    half = _Z95 * math.sqrt(share * (1 - share) / photos + z2 / (4 * photos**2))
    scale = 1 + z2 / photos
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) over the last axis, in float64; each row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def losses(probabilities: Floats, labels: Labels) -> NDArray[np.float64]:
    """Return each photo's negative log-likelihood, (photos,), in nats."""
    true = probabilities[np.arange(len(labels)), labels]
    negative: NDArray[np.float64] = -np.log(np.maximum(true, _SMALLEST))
    return negative


def loss(probabilities: Floats, labels: Labels) -> float:
    """Return the mean negative log-likelihood of the photos, in nats."""
    return float(losses(probabilities, labels).mean())


def top_k(probabilities: Floats, labels: Labels, k: int) -> float:
    """Return the share of photos whose breed is among the `k` most probable.

    A probability of 0, which a breed has that the model lacks, never counts.
    """
    own = probabilities[np.arange(len(labels)), labels][:, None]
    indices = np.arange(probabilities.shape[1])[None, :]
    # of equal ones the first counts as more probable, as argmax has it
    ranked_above = (probabilities > own) | ((probabilities == own) & (indices < labels[:, None]))
    return float(((ranked_above.sum(axis=1) < k) & (own[:, 0] > 0)).mean())


def confusion(predicted: Labels, labels: Labels, breeds: int) -> NDArray[np.int64]:
    """Return the confusion matrix: counts [true breed, predicted breed]."""
    counts = np.zeros((breeds, breeds), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def recalls(counts: NDArray[np.int64]) -> list[float | None]:
    """Return each breed's recall from the confusion matrix; None for a breed without photos."""
    photos = counts.sum(axis=1)
    return [
        int(right) / int(total) if total else None
        for right, total in zip(counts.diagonal(), photos, strict=True)
    ]


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Return confidence, accuracy and number of photos of ``BINS`` bins of equal mass."""
    order = np.argsort(confidence, kind="stable")
    return [
        {
            "confidence": float(confidence[rows].mean()),
            "accuracy": float(right[rows].mean()),
            "photos": len(rows),
        }
        for rows in np.array_split(order, BINS)
        if len(rows)
    ]


def ece(confidence: Floats, right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: the bins' |confidence - accuracy|, by their mass."""
    bins = reliability(confidence, right)
    gaps = [abs(entry["confidence"] - entry["accuracy"]) * entry["photos"] for entry in bins]
    return float(sum(gaps) / max(len(right), 1))


def ece_floor(confidence: Floats, rounds: int = 2_000, seed: int = 20) -> float:
    """Return the mean `ece` of a perfectly calibrated model with these confidences.

    With few photos even such a model misses its bins' accuracy by chance. It is simulated `rounds`
    times: each photo is classified correctly with the probability that its confidence states.
    """
    random = np.random.default_rng(seed)
    draws = (ece(confidence, random.random(len(confidence)) < confidence) for _ in range(rounds))
    return float(np.mean(list(draws)))


def auroc(positive: Floats, negative: Floats) -> float:
    """Return the area under the ROC curve; equal scores of a positive and a negative count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    not_above = np.searchsorted(ordered, positive, "right")
    return float((below + not_above).sum() / (2 * len(positive) * len(negative)))
