"""Export the network to OpenVINO or ONNX, and check that it gives the same answers as PyTorch.

The export happens when a package is built, for any batch size, so serving needs no torch. It keeps
fp32 weights, and the engine computes in fp32 too: on a machine with bf16 units OpenVINO would
otherwise choose bf16 by itself, and parity would depend on the machine.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dogbreeds.evaluation.metrics import softmax
from dogbreeds.network.network import OUTPUTS, Explained, Network, can_explain
from dogbreeds.package.card import PackageError
from dogbreeds.serving.engine import Engine
from dogbreeds.serving.graph import BREED_MAP
from dogbreeds.serving.openvino_core import CORE, ov

ONNX = "network.onnx"
MAX_DIFFERENCE = 1e-3  # of a probability, between OpenVINO in fp32 and PyTorch
RANDOM_PHOTOS = 3  # beside the real one; together they also check a batch above 1
SEED = 20


def export(network: Network, size: int, folder: Path) -> None:
    """Write `network.xml` and `network.bin` into `folder`, for uint8 input [B, size, size, 3].

    Where the backbone allows it, they have the output `breed_map` too, which the engine computes
    only for calls that ask for it.

    Raises
    ------
    PackageError
        The files cannot be written, as on a full disk.
    """
    if can_explain(network, size):
        model = convert(Explained(network), size, (*OUTPUTS, BREED_MAP))
    else:
        model = convert(network, size, OUTPUTS)
    try:
        ov.save_model(model, folder / "network.xml", compress_to_fp16=False)
    except RuntimeError as error:  # OpenVINO reports a full disk as "iostream error" only
        raise PackageError(
            f"The OpenVINO model cannot be written below {folder.parent}; "
            "make room on that disk, or name another one by TMPDIR."
        ) from error


def convert(module: nn.Module, size: int, outputs: Sequence[str]) -> ov.Model:
    """Convert `module` to OpenVINO, with input `photos` uint8 [B, size, size, 3], named outputs."""
    # After openvino_core, which imports OpenVINO without its telemetry.
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, which torch has deprecated. torch.export gives a network
        # that is no faster, and takes 11 s where tracing took 3 (lite2, two cores).
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        # Without PyTorch's check of the trace, which runs and traces all once more, it takes half
        # of the time; check_parity compares what a package gets with PyTorch.
        decoder = TorchScriptPythonDecoder(
            module.eval(), example_input=example, trace_kwargs={"check_trace": False}
        )
        model = ov.convert_model(decoder, example_input=example)
    model.reshape([-1, size, size, 3])
    name_nodes(model)
    model.inputs[0].get_tensor().set_names({"photos"})
    for output, name in zip(model.outputs, outputs, strict=True):
        output.get_tensor().set_names({name})
    return model


def name_nodes(model: ov.Model) -> None:
    """Name a model's nodes by their order.

    OpenVINO and NNCF number nodes for as long as the process lives: without names of its own, a
    network would be written with other bytes when another one was converted before it.
    """
    model.set_friendly_name("network")
    for position, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{position}")
    model.inputs[0].get_node().set_friendly_name("photos")


def export_onnx(network: Network, size: int, folder: Path) -> None:
    """Write `network.onnx` into `folder`, with the input and the outputs of `export`.

    Raises
    ------
    PackageError
        The package onnx, with which PyTorch writes the file, is not installed.
    """
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    names = ("photos", *OUTPUTS)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            # The exporter that traces is deprecated; the newer one takes 48 s where it takes 9
            # (lite2, two cores), and needs two more packages.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network.eval(),
                (example,),
                folder / ONNX,
                dynamo=False,
                input_names=["photos"],
                output_names=list(OUTPUTS),
                dynamic_axes={name: {0: "batch"} for name in names},
            )
    except torch.onnx.OnnxExporterError as error:
        raise PackageError(
            f"PyTorch cannot write the network as ONNX: {str(error).partition(chr(10))[0]} "
            "(pip install onnx, if that is missing)"
        ) from error


class OnnxEngine:
    """A network in an ONNX file, which OpenVINO runs; see `serving.engine.Engine`."""

    def __init__(self, file: Path) -> None:
        self._network = CORE.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        outputs = self._network(photos)
        return outputs["breed_logits"], outputs["dog_mass"]


def check_parity(network: Network, folder: Path, photo: NDArray[np.uint8]) -> float:
    """Compare the exported network in `folder` with PyTorch on `photo` and on random pixels.

    Parameters
    ----------
    photo : ndarray of uint8, shape (size, size, 3)
        A real photo, preprocessed.

    Returns
    -------
    float
        The largest difference of a probability.

    Raises
    ------
    PackageError
        A top-1 differs, or a breed's probability or the dog mass by more than ``MAX_DIFFERENCE``.
    """
    noise = np.random.default_rng(SEED).integers(0, 256, (RANDOM_PHOTOS, *photo.shape), np.uint8)
    batch = np.concatenate([photo[None], noise])
    with torch.inference_mode():
        logits, mass = network.eval()(torch.from_numpy(batch))
    expected, expected_mass = softmax(logits.numpy()), mass.numpy()
    is_onnx = (folder / ONNX).is_file()
    engine = OnnxEngine(folder / ONNX) if is_onnx else Engine(folder)
    largest = 0.0
    for rows in (slice(0, 1), slice(0, len(batch))):  # alone and as a batch
        engine_logits, engine_mass = engine(batch[rows])
        probabilities = softmax(engine_logits)
        differences = (
            np.abs(probabilities - expected[rows]).max(),
            np.abs(engine_mass - expected_mass[rows]).max(),
        )
        largest = float(np.max([largest, *differences]))  # unlike Python's max, it keeps a NaN
        if not np.array_equal(probabilities.argmax(axis=1), expected[rows].argmax(axis=1)):
            raise PackageError("The exported network names another top breed than PyTorch does.")
    if not largest <= MAX_DIFFERENCE:  # a NaN is neither above nor below
        raise PackageError(
            f"The exported network differs from PyTorch by {largest:.2g} in a probability, "
            f"expected at most {MAX_DIFFERENCE:g}."
        )
    return largest
