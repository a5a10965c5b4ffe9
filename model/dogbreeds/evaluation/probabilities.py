"""Logits to probabilities."""

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the last axis; a row sums to 1."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return exponentials
