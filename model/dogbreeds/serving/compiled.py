"""Call a compiled network from any thread."""

import numpy as np
from numpy.typing import NDArray

from dogbreeds.serving.openvino_core import ov


class CompiledNetwork:
    """A network compiled for one photo, with a pool of infer requests."""

    def __init__(self, network: ov.CompiledModel) -> None:
        self.network = network
        self.at_once = int(network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._idle: list[ov.InferRequest] = []  # each serves one photo at a time

    def outputs(self, photos: NDArray[np.uint8], *names: str) -> list[NDArray[np.float32]]:
        """Return the outputs of these names [photos, ...] for uint8 [photos, size, size, 3]."""
        rows = []
        for start in range(0, len(photos), self.at_once):
            requests = [self._start(photo) for photo in photos[start : start + self.at_once]]
            for request in requests:
                request.wait()
                rows.append([request.get_tensor(name).data.copy() for name in names])
            self._idle += requests
        return [np.concatenate(output) for output in zip(*rows, strict=True)]

    def _start(self, photo: NDArray[np.uint8]) -> ov.InferRequest:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self.network.create_infer_request()
        request.start_async({"photos": photo[None]})
        return request
