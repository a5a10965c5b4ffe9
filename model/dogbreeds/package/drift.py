"""Compute the baseline with which a model's answers to users are compared: `drift` in a card."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from dogbreeds.evaluation.evaluate import Predictions
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.card import Card

_PERCENTILES = np.arange(1, 100) / 100
_DIGITS = 4


def drift_baseline(predictions: Predictions, card: Card, breeds: Sequence[str]) -> dict[str, Any]:
    """Summarise answers to photos that the network has not learnt from.

    Parameters
    ----------
    predictions : Predictions
        Of one variant of the network.
    card : Card
        With that variant's temperature and dog threshold.

    Returns
    -------
    dict
        no_dog: answers without a dog; breeds: answers with a dog, by the first breed; confidence:
        percentiles 1 to 99 of that breed's probability. Empty if there is no dog at all.
    """
    dogs = predictions.scores >= card.dog_threshold
    if not dogs.any():
        return {}
    probabilities = softmax(predictions.logits[dogs], card.temperature)
    first = Counter(breeds[i] for i in probabilities.argmax(axis=1).tolist())
    ordered = np.quantile(probabilities.max(axis=1), _PERCENTILES, method="inverted_cdf")
    return {
        "no_dog": int((~dogs).sum()),
        "breeds": dict(sorted(first.items())),
        "confidence": [round(float(value), _DIGITS) for value in ordered],
    }
