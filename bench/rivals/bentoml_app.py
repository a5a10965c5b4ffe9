"""Rival: BentoML with adaptive batching. bentoml serve bentoml_app:Classifier --port 8080

Photos come as files of a multipart form, the form its documentation uses for images.
"""

from pathlib import Path
from typing import Any

import bentoml
from shared_parts import BATCH, EagerClassifier


@bentoml.service(workers=1, traffic={"timeout": 120})
class Classifier:
    def __init__(self) -> None:
        self.classifier = EagerClassifier()

    @bentoml.api(route="/invocations", batchable=True, max_batch_size=BATCH, max_latency_ms=10_000)
    def classify(self, images: list[Path]) -> list[dict[str, Any]]:
        photos = [self.classifier.decode(image.read_bytes()) for image in images]
        return self.classifier.classify(photos)
