"""Rival: mosec around Kennel's functions. python engine_mosec_app.py --port 8080

Two stages, as its documentation has for images: processes that decode, one for each core, and one
that runs the network on batches.
"""

from typing import Any

from engine_parts import (
    BATCH,
    BATCH_WAIT_MS,
    CORES,
    JPEG,
    PACKAGE,
    Prepared,
    input_fn,
    model_fn,
    output_fn,
    predict_all,
    prepare_photos,
)
from mosec import Server, Worker


class Decode(Worker):
    def __init__(self) -> None:
        self.model = model_fn(PACKAGE)  # for the preprocessing of its card

    def deserialize(self, data: bytes) -> bytes:
        return data

    def forward(self, data: bytes) -> Prepared:
        return prepare_photos(input_fn(data, JPEG), self.model)


class Classify(Worker):
    def __init__(self) -> None:
        self.model = model_fn(PACKAGE)

    def forward(self, data: list[Prepared]) -> list[dict[str, Any]]:
        return predict_all(data, self.model)

    def serialize(self, data: dict[str, Any]) -> bytes:
        return output_fn(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Decode, num=CORES)
    server.append_worker(Classify, num=1, max_batch_size=BATCH, max_wait_time=BATCH_WAIT_MS)
    server.run()
