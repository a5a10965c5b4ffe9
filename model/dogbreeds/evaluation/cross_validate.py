"""Judge every photo by a head that did not learn from it: k-fold cross-validation of the head.

The test part of a small set says little: of 5 photos a breed, all right, the recall is anything
from 0.57 to 1. Here all photos are judged, so that the intervals are as narrow as the whole set
allows. The features are computed already, so it costs FOLDS fits of the head.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dogbreeds.evaluation.calibrate import breed_weights, temperature
from dogbreeds.evaluation.evaluate import evaluation
from dogbreeds.evaluation.metrics import Labels, softmax, wilson
from dogbreeds.network.head import Prior, Samples, fit_head, log_prior
from dogbreeds.training.settings import HeadSettings

FOLDS = 5
FEWEST = 20  # test photos of a breed; with fewer, the set is cross-validated
_KEPT = ("photos", "top1", "top1_interval", "macro_recall", "ece", "loss")  # of an evaluation


def is_needed(test_labels: Labels, breeds: int) -> bool:
    """Return whether a breed has fewer than ``FEWEST`` test photos."""
    return bool(np.bincount(test_labels, minlength=breeds).min() < FEWEST)


def folds(labels: Labels, groups: Iterable[Sequence[int]] = (), seed: int = 20) -> Labels:
    """Return the fold of each photo, (photos,): every fold has its share of every breed.

    Parameters
    ----------
    groups : iterable of sequences of int
        Indices of photos that show the same picture, which stay in one fold.
    """
    leader = np.arange(len(labels))
    for group in groups:
        leader[np.isin(leader, leader[list(group)])] = leader[group[0]]
    dealt = np.empty(len(labels), np.int64)
    random = np.random.default_rng(seed)
    start = 0  # a breed goes on where the last one ended, so that the folds are of one size
    for breed in range(labels.max() + 1):
        leaders = random.permutation(np.unique(leader[labels == breed]))
        dealt[leaders] = (start + np.arange(len(leaders))) % FOLDS
        start += len(leaders)
    result: Labels = dealt[leader]
    return result


def cross_validate(
    upright: Samples,
    mirrored: NDArray[np.float32],
    prior_of: Callable[[Samples], Prior],
    settings: HeadSettings,
    breeds: Sequence[str],
    *,
    groups: Iterable[Sequence[int]] = (),
) -> dict[str, Any]:
    """Return the figures over all photos, for `evaluation.json`.

    Parameters
    ----------
    upright : Samples
        Of all photos, whatever their split.
    mirrored : ndarray
        Features of the mirror images of the first photos of `upright`; those of the photos that are
        not held out are learnt from too.
    prior_of : callable
        Returns the prior of a head that is fitted on some samples.
    groups : iterable of sequences of int
        As `folds` takes them.
    """
    labels, fold_of = upright.labels, folds(upright.labels, groups)
    logits = np.empty((len(labels), len(breeds)), np.float32)
    used = [fold for fold in range(FOLDS) if np.any(fold_of == fold) and np.any(fold_of != fold)]
    for fold in used:
        rest = fold_of != fold
        with_mirror = rest[: len(mirrored)]
        train = Samples(
            np.concatenate([upright.features[rest], mirrored[with_mirror]]),
            np.concatenate([labels[rest], labels[: len(mirrored)][with_mirror]]),
        )
        head, _ = fit_head(prior_of(train), train, None, settings)
        logits[~rest] = head.logits(upright.features[~rest])
    adjusted = log_prior(labels, len(breeds)).any()
    probabilities = np.empty(logits.shape)
    for fold in used:  # the temperature, too, is fitted on other photos than it is applied to
        rest = fold_of != fold
        weights = breed_weights(labels[rest]) if adjusted else None
        fitted = temperature(logits[rest], labels[rest], weights=weights)
        probabilities[~rest] = softmax(logits[~rest], fitted)
    result = evaluation(probabilities, labels, breeds, [""] * len(labels))
    right = result["confusion"]
    per_breed = {
        breed: entry | {"interval": list(wilson(right[row][row], entry["photos"]))}
        for row, (breed, entry) in enumerate(result["per_breed"].items())
    }
    return {"folds": len(used)} | {key: result[key] for key in _KEPT} | {"per_breed": per_breed}
