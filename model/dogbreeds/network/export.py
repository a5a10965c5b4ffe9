"""The network in the serving engine's form (OpenVINO), and the proof that it answers the same.

The form is made when the package is made, with any batch size, and serving needs no torch. It
keeps fp32 weights, and `infer_fp32` tells the processor to compute in fp32 too: on a machine with
bf16 units OpenVINO would otherwise choose bf16 by itself, and parity would depend on the machine.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dogbreeds.network.network import OUTPUTS, Network
from dogbreeds.package.card import PackageError
from dogbreeds.serving.engine import Engine, softmax
from dogbreeds.serving.quiet_openvino import ov

MAX_DIFFERENCE = 1e-3  # of a probability, engine against PyTorch, fp32
RANDOM_PHOTOS = 3  # beside the real one; together they also prove a batch above 1
SEED = 20


def export(network: Network, size: int, folder: Path) -> None:
    """Write `network.xml` and `network.bin` into `folder`, for uint8 input [B, size, size, 3].

    Raises
    ------
    PackageError
        The files cannot be written, as on a full disk.
    """
    model = convert(network, size, OUTPUTS)
    try:
        ov.save_model(model, folder / "network.xml", compress_to_fp16=False)
    except RuntimeError as error:  # all that OpenVINO says of a full disk is "iostream error"
        raise PackageError(
            f"The engine's form of the model cannot be written below {folder.parent}; "
            "make room on that disk, or name another one by TMPDIR."
        ) from error


def convert(module: nn.Module, size: int, outputs: Sequence[str]) -> ov.Model:
    """Return OpenVINO's form of `module`, for uint8 `photos` [B, size, size, 3], outputs named."""
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, which torch has deprecated. torch.export works too, gives
        # a network that is no faster, and takes 11 s here where tracing takes 3.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        model = ov.convert_model(module.eval(), example_input=example)
    model.reshape([-1, size, size, 3])
    # OpenVINO numbers nodes through a process's life: without names of their own, a network would
    # be written with other bytes when another was converted before it.
    model.set_friendly_name("network")
    for place, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{place}")
    model.inputs[0].get_node().set_friendly_name("photos")
    model.inputs[0].get_tensor().set_names({"photos"})
    for output, name in zip(model.outputs, outputs, strict=True):
        output.get_tensor().set_names({name})
    return model


def check_parity(network: Network, folder: Path, photo: NDArray[np.uint8]) -> float:
    """Compare the engine's form in `folder` with PyTorch on `photo` and on random pixels.

    Parameters
    ----------
    photo : ndarray of uint8, shape (size, size, 3)
        A real photo, prepared.

    Returns
    -------
    float
        The largest difference of a probability seen.

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
    engine = Engine(folder)
    worst = 0.0
    for rows in (slice(0, 1), slice(0, len(batch))):  # alone and as a batch
        engine_logits, engine_mass = engine(batch[rows])
        found = softmax(engine_logits)
        differences = (
            np.abs(found - expected[rows]).max(),
            np.abs(engine_mass - expected_mass[rows]).max(),
        )
        worst = float(np.max([worst, *differences]))  # NumPy's max keeps a NaN, Python's may not
        if not np.array_equal(found.argmax(axis=1), expected[rows].argmax(axis=1)):
            raise PackageError("The engine's form names another top breed than PyTorch does.")
    if not worst <= MAX_DIFFERENCE:  # a NaN is neither above nor below
        raise PackageError(
            f"The engine's form differs from PyTorch by {worst:.2g} in a probability, "
            f"expected at most {MAX_DIFFERENCE:g}."
        )
    return worst
