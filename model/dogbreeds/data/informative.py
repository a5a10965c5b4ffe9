"""Choose the photos from which a head would learn most, if they had labels.

A photo's gradient at the head, if its first breed were its label, is (p - onehot) x features: large
where the model is unsure, and in another direction where the photo, or what it is taken for, is
another. The photos are chosen one by one, each the farthest from all that are chosen and from zero.
That is BADGE (Ash et al., 2020) with the greedy k-centre rule in place of sampling, so that the
same photos give the same order.
"""

import numpy as np
from numpy.typing import NDArray

from dogbreeds.evaluation.metrics import Floats


def most_informative(probabilities: Floats, features: Floats, count: int) -> NDArray[np.int64]:
    """Return the indices of up to `count` photos, the most informative first.

    Parameters
    ----------
    probabilities
        [photos, breeds], calibrated.
    features
        [photos, channels], of the head's input.
    count
        The work grows with `count` times photos.
    """
    photos = np.arange(len(probabilities))
    errors = np.array(probabilities, np.float32)
    errors[photos, errors.argmax(axis=1)] -= 1
    # The lengths of photos' features differ for reasons of contrast; only their directions count.
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    squares = np.square(errors).sum(axis=1)
    distances = squares.copy()  # from zero: a photo that the model is sure of teaches nothing
    chosen: list[int] = []
    for _ in photos[:count]:
        distances[chosen] = -np.inf
        index = int(distances.argmax())
        chosen.append(index)
        # |a - b|^2 of outer products, which would fill breeds x channels numbers a photo
        products = (errors @ errors[index]) * (unit @ unit[index])
        distances = np.minimum(distances, squares + squares[index] - 2 * products)
    return np.array(chosen, np.int64)
