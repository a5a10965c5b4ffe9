"""Candidate against the live model on the same photos, and how sure the difference is."""

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
    """Paired: both models answered each photo."""

    difference: float  # candidate's top-1 minus live's
    interval: tuple[float, float]  # 95 % of the bootstrap's differences
    p_not_worse: float  # share of them that are 0 or more


def on_breeds_of(
    logits: Floats, own: Sequence[Breed], wanted: Sequence[Breed]
) -> NDArray[np.float64]:
    """Return a model's logits in the order of another's breeds.

    A breed is the same if the synset is, or, where one of them has none, the name. A breed that
    the model lacks gets minus infinity, so it is never said, and each photo of it counts as wrong.
    """
    places = [_place(breed, own) for breed in wanted]
    taken = np.full((len(logits), len(wanted)), -np.inf)
    for column, place in enumerate(places):
        if place is not None:
            taken[:, column] = logits[:, place]
    return taken


def right_answers(logits: Floats, labels: Labels) -> NDArray[np.bool_]:
    """Return whether the most probable breed is the true one; with none possible it is not."""
    found: NDArray[np.bool_] = (logits.argmax(axis=1) == labels) & np.isfinite(logits).any(axis=1)
    return found


def paired_bootstrap(candidate: NDArray[np.bool_], live: NDArray[np.bool_]) -> Comparison:
    """Compare two models by drawing the photos anew, with replacement, ``ROUNDS`` times.

    Only three kinds of photo matter (candidate alone right, live alone right, no difference), so
    drawing their counts from a multinomial distribution is drawing the photos.
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


def _place(breed: Breed, among: Sequence[Breed]) -> int | None:
    for index, other in enumerate(among):
        if breed.synset and other.synset:
            if breed.synset == other.synset:
                return index
        elif breed.breed.casefold() == other.breed.casefold():
            return index
    return None
