"""Compare the candidate with the live model on the same photos, by a paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dogbreeds.evaluation.metrics import Floats, Labels
from dogbreeds.package.card import Breed

ROUNDS = 10_000
SEED = 20


@dataclass(frozen=True)
class Comparison:
    """The difference between two models that classified the same photos."""

    difference: float  # candidate's top-1 minus live's
    interval: tuple[float, float]  # 95 % of the bootstrap's differences
    p_not_worse: float  # share of them that are 0 or more


def on_breeds_of(
    logits: Floats, own: Sequence[Breed], wanted: Sequence[Breed]
) -> NDArray[np.float64]:
    """Return a model's logits in the order of another's breeds.

    Two breeds are the same if their synsets are, or, where one of them has none, their names. A
    breed that the model lacks gets minus infinity: it is never predicted, and each photo of it
    counts as wrong.
    """
    reordered = np.full((len(logits), len(wanted)), -np.inf)
    for column, breed in enumerate(wanted):
        index = _index_of(breed, own)
        if index is not None:
            reordered[:, column] = logits[:, index]
    return reordered


def correct_predictions(logits: Floats, labels: Labels) -> NDArray[np.bool_]:
    """Return whether each photo's most probable breed is the true one, (photos,).

    A row of minus infinities, which holds no possible breed, is never correct.
    """
    correct: NDArray[np.bool_] = (logits.argmax(axis=1) == labels) & np.isfinite(logits).any(axis=1)
    return correct


def paired_bootstrap(candidate: NDArray[np.bool_], live: NDArray[np.bool_]) -> Comparison:
    """Compare two models by resampling the photos with replacement, ``ROUNDS`` times.

    A photo is one of three kinds: only the candidate is correct, only the live model is, or there
    is no difference. Drawing the counts of the kinds from a multinomial distribution resamples the
    photos.

    Parameters
    ----------
    candidate, live : ndarray of bool, shape (photos,)
        From `correct_predictions`.
    """
    photos = len(candidate)
    better = int((candidate & ~live).sum())
    worse = int((live & ~candidate).sum())
    shares = np.array([better, worse, photos - better - worse]) / photos
    draws = np.random.default_rng(SEED).multinomial(photos, shares, ROUNDS)
    differences = (draws[:, 0] - draws[:, 1]) / photos
    low, high = np.quantile(differences, [0.025, 0.975])
    return Comparison(
        difference=(better - worse) / photos,
        interval=(float(low), float(high)),
        p_not_worse=float((differences >= 0).mean()),
    )


def _index_of(breed: Breed, among: Sequence[Breed]) -> int | None:
    for index, other in enumerate(among):
        if breed.synset and other.synset:
            if breed.synset == other.synset:
                return index
        elif breed.breed.casefold() == other.breed.casefold():
            return index
    return None
