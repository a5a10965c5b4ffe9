"""The network as OpenVINO runs it: uint8 photos in, logits and dog mass out. No torch here."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from card import PackageError
from quiet_openvino import ov

# Where the processor has bf16 units OpenVINO would use them unasked; packages are checked in fp32.
_FP32 = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


class Engine:
    """A compiled network; call it from any thread.

    Parameters
    ----------
    package : Path
        Unpacked package with `network.xml` and `network.bin`.
    threads : int
        Cores that one call may use; 0 leaves it to OpenVINO (all of them).

    Raises
    ------
    PackageError
        A file is missing or broken.
    """

    def __init__(self, package: Path, threads: int = 0) -> None:
        for name in ("network.xml", "network.bin"):
            if not (package / name).is_file():
                raise PackageError(f"The model package has no {name}; build it again.")
        settings = dict(_FP32)
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            core = ov.Core()
            model = core.read_model(package / "network.xml", package / "network.bin")
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise PackageError(f"The engine cannot load the model package: {reason}") from error
        self._local = threading.local()  # an infer request serves one call at a time

    @property
    def breeds(self) -> int:
        """Number of breeds that the network has outputs for."""
        return int(self._compiled.output("breed_logits").partial_shape[1].get_length())

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        found = self._local.request.infer({"photos": photos})
        return found["breed_logits"], found["dog_mass"]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the last axis; a row sums to 1."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials: NDArray[np.float32] = shifted / shifted.sum(axis=-1, keepdims=True)
    return exponentials
