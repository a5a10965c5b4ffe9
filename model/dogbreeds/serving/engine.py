"""Run the network in OpenVINO: uint8 photos in, logits and dog mass out, without PyTorch."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.package.card import PackageError
from dogbreeds.serving.compiled import CompiledNetwork
from dogbreeds.serving.graph import BREED_MAP, FEATURES, check_numbers, with_features, without_map
from dogbreeds.serving.openvino_core import CORE, ov


@dataclass(frozen=True)
class Variant:
    """One compiled variant of the network in a package."""

    precision: str
    files: tuple[str, str]  # description and weights


FP32 = Variant("fp32", ("network.xml", "network.bin"))
INT8 = Variant("int8", ("network-int8.xml", "network-int8.bin"))  # where quantize.py accepted it

# Instructions that multiply 8-bit numbers and sum them in 32 bits, as Linux names them. Without
# them int8 is no faster than fp32, and sums in 16 bits overflow, so answers would differ from those
# that were checked.
_FAST_INT8 = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
_CPUINFO = Path("/proc/cpuinfo")

# On processors with bf16 units OpenVINO would choose bf16 by itself; packages are checked in fp32.
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32"}


def is_compiled(package: Path) -> bool:
    """Return whether `package` has any file of the compiled network."""
    return any((package / file).is_file() for file in (*FP32.files, *INT8.files))


def variant_for_this_processor(package: Path, cpuinfo: Path = _CPUINFO) -> Variant:
    """Return int8 where `package` has it and the processor has instructions for it, else fp32."""
    if not all((package / file).is_file() for file in INT8.files):
        return FP32
    return INT8 if has_fast_int8(cpuinfo) else FP32


def has_fast_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the processor sums 8-bit products in 32 bits: VNNI, or Arm's dot product."""
    return cpuinfo.is_file() and not _FAST_INT8.isdisjoint(cpuinfo.read_text("utf-8").split())


class Engine:
    """A compiled network that any thread may call.

    It is compiled twice, each time for one photo: a call that is alone has all cores for its photo;
    of several calls, or of a call with several photos, each photo has a core. That is faster than
    a batch, whose photos share the cores and their caches (docs/serving.md has the figures). The
    second compilation is at the first such call: it takes as long as some twenty photos, and who
    classifies a photo or two does not need it.

    Parameters
    ----------
    package : Path
        Unpacked package with the files of its variants.
    threads : int
        Cores that all calls together may use; 0 leaves it to OpenVINO (all of them).
    variant : Variant, optional
        By default the one for this processor.

    Raises
    ------
    PackageError
        A file is missing or broken, or a weight is not a number.
    """

    def __init__(self, package: Path, threads: int = 0, variant: Variant | None = None) -> None:
        self.variant = variant or variant_for_this_processor(package)
        for name in self.variant.files:
            if not (package / name).is_file():
                raise PackageError(f"The model package has no {name}; build it again.")
        self._settings = dict(_SETTINGS)
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = str(threads)
        with _package_errors("load the model package"):
            self._whole = CORE.read_model(*(package / file for file in self.variant.files))
            check_numbers(self._whole)
            self._model = without_map(self._whole)
            self.breeds = int(self._model.output("breed_logits").partial_shape[1].get_length())
            self._all_cores = self._compiled(self._model)
        self._calls = 0  # under way
        self._lock = threading.Lock()

    @property
    def precision(self) -> str:
        """The precision of the variant that runs: "fp32" or "int8"."""
        return self.variant.precision

    @property
    def explains(self) -> bool:
        """Whether the package has the map of `explain`."""
        return self._whole is not self._model

    @cached_property
    def _core_each(self) -> CompiledNetwork:
        return self._compiled(self._model, "THROUGHPUT")

    @cached_property
    def _with_map(self) -> CompiledNetwork:
        return self._compiled(self._whole)

    @cached_property
    def _with_features(self) -> CompiledNetwork:
        return self._compiled(with_features(self._model))

    def _compiled(self, model: ov.Model, hint: str = "LATENCY") -> CompiledNetwork:
        fixed_shape = model.clone()  # OpenVINO then need not infer the shapes in every call
        fixed_shape.reshape({"photos": [1, *fixed_shape.input("photos").partial_shape[1:]]})
        settings = {**self._settings, "PERFORMANCE_HINT": hint}
        return CompiledNetwork(CORE.compile_model(fixed_shape, "CPU", settings))

    @contextmanager
    def _network_for(self, photos: int) -> Iterator[CompiledNetwork]:
        with self._lock:  # so that one thread compiles
            network = self._all_cores if not self._calls and photos == 1 else self._core_each
            self._calls += 1
        try:
            yield network
        finally:
            with self._lock:
                self._calls -= 1

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        with _package_errors("run the model package"), self._network_for(len(photos)) as network:
            breed_logits, dog_mass = network.outputs(photos, "breed_logits", "dog_mass")
            return breed_logits, dog_mass

    def explain(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return what a call does for one photo, uint8 [1, size, size, 3], and `breed_map`.

        The first call compiles the network once more, with that output.

        Returns
        -------
        tuple of ndarray
            `breed_logits`, `dog_mass`, and [1, breeds, height, width] or None without it in the
            package.
        """
        if not self.explains:
            return *self(photo), None
        with _package_errors("run the model package"):
            logits, mass, breed_map = self._with_map.outputs(
                photo, "breed_logits", "dog_mass", BREED_MAP
            )
            return logits, mass, breed_map

    def embed(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return what a call does for one photo, uint8 [1, size, size, 3], and its features.

        The first call compiles the network once more, with that output.

        Returns
        -------
        tuple of ndarray
            `breed_logits`, `dog_mass`, and the pooled features [1, channels] that the breed head
            takes.
        """
        with _package_errors("run the model package"):
            logits, mass, features = self._with_features.outputs(
                photo, "breed_logits", "dog_mass", FEATURES
            )
            return logits, mass, features


@contextmanager
def _package_errors(action: str) -> Iterator[None]:
    try:
        yield
    except PackageError:
        raise
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise PackageError(f"The engine cannot {action}: {reason}") from error
