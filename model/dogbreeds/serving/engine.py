"""The network as OpenVINO runs it: uint8 photos in, logits and dog mass out. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.card import PackageError
from dogbreeds.serving.quiet_openvino import ov

__all__ = ["FP32", "INT8", "Engine", "Form", "serving_form", "softmax"]


@dataclass(frozen=True)
class Form:
    """One compiled form in a package."""

    precision: str
    files: tuple[str, str]  # description and weights


FP32 = Form("fp32", ("network.xml", "network.bin"))
INT8 = Form("int8", ("network-int8.xml", "network-int8.bin"))  # only where quantize.py accepted it

# What multiplies 8-bit numbers and sums them in 32 bits, as Linux names it. Without, int8 is no
# faster than fp32, and sums in 16 bits overflow: another answer than the one that was checked.
_FAST_INT8 = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})
_CPUINFO = Path("/proc/cpuinfo")

# Where the processor has bf16 units OpenVINO would use them unasked; packages are checked in fp32.
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


def serving_form(package: Path, cpuinfo: Path = _CPUINFO) -> Form:
    """Return the form of `package` that this processor should run."""
    if not all((package / file).is_file() for file in INT8.files):
        return FP32
    flags = set(cpuinfo.read_text("utf-8").split()) if cpuinfo.is_file() else set()
    return INT8 if flags & _FAST_INT8 else FP32


class Engine:
    """A compiled network; call it from any thread.

    Parameters
    ----------
    package : Path
        Unpacked package with the files of its forms.
    threads : int
        Cores that one call may use; 0 leaves it to OpenVINO (all of them).
    form : Form, optional
        By default the one for this processor.

    Raises
    ------
    PackageError
        A file is missing or broken, or a weight is not a number.
    """

    def __init__(self, package: Path, threads: int = 0, form: Form | None = None) -> None:
        self.form = form or serving_form(package)
        for name in self.form.files:
            if not (package / name).is_file():
                raise PackageError(f"The model package has no {name}; build it again.")
        settings = dict(_SETTINGS)
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            core = ov.Core()
            model = core.read_model(*(package / file for file in self.form.files))
            _check_numbers(model)
            self._any = _Compiled(core.compile_model(model, "CPU", settings))
            # A known shape spares OpenVINO the work of every call's shapes: a lone photo is the
            # common case and the one that somebody waits for (docs/serving.md has the gain).
            model.reshape({"photos": [1, *model.input("photos").partial_shape[1:]]})
            self._lone = _Compiled(core.compile_model(model, "CPU", settings))
        except PackageError:
            raise
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise PackageError(f"The engine cannot load the model package: {reason}") from error

    @property
    def precision(self) -> str:
        """The form that runs: "fp32" or "int8"."""
        return self.form.precision

    @property
    def breeds(self) -> int:
        """Number of breeds that the network has outputs for."""
        return int(self._any.network.output("breed_logits").partial_shape[1].get_length())

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        compiled = self._lone if len(photos) == 1 else self._any
        found = compiled(photos)
        return found["breed_logits"], found["dog_mass"]


class _Compiled:
    """A network compiled for one shape, with the infer requests that no thread is using."""

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
