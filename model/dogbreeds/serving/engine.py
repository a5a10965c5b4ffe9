"""Run the network in OpenVINO: uint8 photos in, logits and dog mass out, without PyTorch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.package.card import PackageError
from dogbreeds.serving.openvino_core import CORE, ov

BREED_MAP = "breed_map"  # an output that packages made before it lack
FEATURES = "features"  # an output that is added where it is asked for

__all__ = [
    "BREED_MAP",
    "FEATURES",
    "FP32",
    "INT8",
    "Engine",
    "Variant",
    "has_fast_int8",
    "is_compiled",
    "variant_for_this_processor",
]


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
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


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

    It is compiled for one photo at once, and for batches at the first batch: compiling takes as
    long as some twenty photos, and who classifies a photo or two needs no batches.

    Parameters
    ----------
    package : Path
        Unpacked package with the files of its variants.
    threads : int
        Cores that one call may use; 0 leaves it to OpenVINO (all of them).
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
            _check_numbers(self._whole)
            self._model = _without_map(self._whole)
            self.breeds = int(self._model.output("breed_logits").partial_shape[1].get_length())
            # A fixed shape is faster: OpenVINO need not infer shapes in every call. Requests with
            # one photo are the most common (docs/serving.md has the gain).
            self._one_photo = self._compiled_for_one(self._model)

    @property
    def precision(self) -> str:
        """The precision of the variant that runs: "fp32" or "int8"."""
        return self.variant.precision

    @property
    def explains(self) -> bool:
        """Whether the package has the map of `explain`."""
        return self._whole is not self._model

    @cached_property
    def _any_batch(self) -> "_Compiled":
        return _Compiled(CORE.compile_model(self._model, "CPU", self._settings))

    @cached_property
    def _with_map(self) -> "_Compiled":
        return self._compiled_for_one(self._whole)

    @cached_property
    def _with_features(self) -> "_Compiled":
        return self._compiled_for_one(_with_features(self._model))

    def _compiled_for_one(self, model: ov.Model) -> "_Compiled":
        one = model.clone()
        one.reshape({"photos": [1, *one.input("photos").partial_shape[1:]]})
        return _Compiled(CORE.compile_model(one, "CPU", self._settings))

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        with _package_errors("run the model package"):
            compiled = self._one_photo if len(photos) == 1 else self._any_batch
            outputs = compiled(photos)
            return outputs["breed_logits"], outputs["dog_mass"]

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
            outputs = self._with_map(photo)
            return outputs["breed_logits"], outputs["dog_mass"], outputs[BREED_MAP]

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
            outputs = self._with_features(photo)
            return outputs["breed_logits"], outputs["dog_mass"], outputs[FEATURES]


@contextmanager
def _package_errors(what: str) -> Iterator[None]:
    try:
        yield
    except PackageError:
        raise
    except (RuntimeError, KeyError) as error:  # a KeyError: an output that the network lacks
        reason = str(error).strip().splitlines()[-1]
        raise PackageError(f"The engine cannot {what}: {reason}") from error


class _Compiled:
    """A network compiled for one shape, with a pool of infer requests."""

    def __init__(self, network: ov.CompiledModel) -> None:
        self.network = network
        self._idle: list[ov.InferRequest] = []  # each serves one call at a time

    def __call__(self, photos: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self.network.create_infer_request()
        try:
            return request.infer({"photos": photos})  # type: ignore[no-any-return]
        finally:
            self._idle.append(request)


def _without_map(model: ov.Model) -> ov.Model:
    """Return `model`, or, if it has the output `breed_map`, a copy without all that leads to it."""
    has_map = [BREED_MAP in output.get_names() for output in model.outputs]
    if not any(has_map):
        return model
    copy = model.clone()
    copy.remove_result(copy.get_results()[has_map.index(True)])
    return copy


def _with_features(model: ov.Model) -> ov.Model:
    """Return a copy of `model` that has the input of the breed head as an output too."""
    copy = model.clone()
    node = copy.output("breed_logits").get_node()
    while node.get_type_name() != "MatMul":  # the bias is added behind it
        sources = [value.get_node() for value in node.input_values()]
        node = next((each for each in sources if each.get_type_name() != "Constant"), None)
        if node is None:
            raise PackageError("The model package's network has no breed head; build it again.")
    [output] = copy.add_outputs(node.input_value(0))
    output.get_tensor().add_names({FEATURES})
    return copy


def _check_numbers(model: ov.Model) -> None:
    """Refuse a NaN or infinite weight: a ReLU6 behind it can hide it from every answer."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            values = node.data
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise PackageError(
                    "The model package's network holds a weight that is not a number; build it "
                    "again."
                )
