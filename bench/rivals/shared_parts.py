"""The classifier that all rival servers share: Kennel's network in eager PyTorch.

It uses the layout (NCHW or channels_last) that is faster here, inference_mode, and Kennel's JPEG
decoding at reduced scale and resize, so only the server and the engine differ.
"""

import os
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from networks import Photos, eager, fresh_network, milliseconds, prepared  # isort: skip

import numpy as np  # isort: skip
import torch  # isort: skip

from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.package.card import Card
from dogbreeds.serving.inference import MAX_BATCH_PHOTOS

PORT = int(os.environ.get("PORT", "8080"))
THREADS = int(os.environ.get("KENNEL_THREADS", "0")) or len(os.sched_getaffinity(0))
BATCH = MAX_BATCH_PHOTOS  # as Kennel's
BATCH_WAIT = 0.01  # seconds; as in the frameworks' own examples


class EagerClassifier:
    """Decode, and classify one photo or several."""

    def __init__(self) -> None:
        torch.set_num_threads(THREADS)
        self.card = Card.read(Path(os.environ["SM_MODEL_DIR"]))
        self.names = [entry.breed for entry in dog_breeds()]
        blank = np.zeros((1, self.card.input.size, self.card.input.size, 3), np.uint8)
        layouts = [eager(fresh_network(), channels_last) for channels_last in (False, True)]
        for layout in layouts:
            milliseconds(layout, blank, 3)
        self.call = min(
            layouts, key=lambda layout: statistics.median(milliseconds(layout, blank, 15))
        )

    def decode(self, body: bytes) -> Photos:
        """Return [1, size, size, 3] of a JPEG's bytes."""
        return prepared(body, self.card)

    def classify(self, photos: list[Photos]) -> list[dict[str, Any]]:
        """Return the top breed and its probability of each photo."""
        logits = torch.from_numpy(self.call(np.concatenate(photos)))
        best = logits.softmax(dim=1).max(dim=1)
        return [
            {"breed": self.names[int(index)], "probability": float(value)}
            for value, index in zip(best.values, best.indices, strict=True)
        ]
