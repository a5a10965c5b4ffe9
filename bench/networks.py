"""Build the default network for each engine that bench/ compares: uint8 photos in, logits out.

engine.py uses all of them, and the rival servers of endpoint.py the eager one.
"""

import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "model")]  # the folder of the scripts and of the package dogbreeds

from dogbreeds.serving.engine import FP32, INT8, Engine  # noqa: E402, I001  # before torch loads OpenMP
from dogbreeds.serving.openvino_core import CORE  # noqa: E402
import torch  # noqa: E402

from bundle import make_bundle  # noqa: E402
from dogbreeds.package.card import Card  # noqa: E402
from dogbreeds.network.network import Network  # noqa: E402
from dogbreeds.photos.decode import wire_image  # noqa: E402
from dogbreeds.photos.preprocess import prepare  # noqa: E402
from dogbreeds.package.pretrained import pretrained_network  # noqa: E402
from dogbreeds.package.quantize import add_int8_if_accurate, labelled  # noqa: E402

CACHE = ROOT / ".kennel" / "cache"
Photos = NDArray[np.uint8]
Call = Callable[[Photos], NDArray[np.float32]]


def packages(valid: Path, folder: Path) -> tuple[Path, Path, str]:
    """Unpack the pretrained package into `folder` twice, the second time with an int8 variant.

    Returns
    -------
    tuple of Path, Path and str
        The fp32 package, the package with an int8 variant calibrated on `valid` (without one, if
        it was refused), and the reason of that decision.
    """
    with tempfile.TemporaryDirectory() as name:
        make_bundle(Path(name), CACHE)
        for kind in ("fp32", "int8"):
            with tarfile.open(Path(name) / "model.tar.gz") as archive:
                archive.extractall(folder / kind, filter="data")
    photos, labels = labelled(folder / "int8", valid)
    decision = add_int8_if_accurate(folder / "int8", photos, labels)
    return folder / "fp32", folder / "int8", decision.reason


def eager(network: Network, channels_last: bool) -> Call:
    """Return a call of eager PyTorch under inference_mode."""
    if channels_last:
        network = network.to(memory_format=torch.channels_last)

    def call(photos: Photos) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = network(torch.from_numpy(photos))[0].numpy()
            return logits

    return call


def inductor(network: Network) -> Call:
    """Return a call of torch.compile with frozen weights, compiled for each batch size."""
    torch._inductor.config.freezing = True
    compiled = torch.compile(network, dynamic=False)

    def call(photos: Photos) -> NDArray[np.float32]:
        with torch.no_grad():
            logits: NDArray[np.float32] = compiled(torch.from_numpy(photos))[0].numpy()
            return logits

    return call


def onnx_runtime(network: Network, size: int, threads: int) -> Call:
    """Return a call of ONNX Runtime on PyTorch's own export."""
    import onnxruntime  # noqa: PLC0415  # a rival's package

    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = str(Path(name) / "network.onnx")
        example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
        torch.onnx.export(
            network, (example,), file, dynamo=False, input_names=["photos"],
            output_names=["breed_logits", "dog_mass"],
            dynamic_axes={name: {0: "batch"} for name in ("photos", "breed_logits", "dog_mass")},
        )  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def call(photos: Photos) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = session.run(["breed_logits"], {"photos": photos})[0]
        return logits

    return call


def openvino(package: Path, precision: str, threads: int) -> Call:
    """Return a call of OpenVINO in a package's "fp32" or "int8" variant, or fp32 run in "bf16"."""
    if precision == "bf16":
        settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": str(threads)}
        compiled = CORE.compile_model(str(package / "network.xml"), "CPU", settings)
        return lambda photos: np.array(compiled({"photos": photos})["breed_logits"])
    engine = Engine(package, threads, INT8 if precision == "int8" else FP32)
    return lambda photos: engine(photos)[0]


def test_photos(package: Path, folder: Path) -> tuple[Photos, NDArray[np.int64]]:
    """Return the preprocessed photos and labels of a folder with a folder for each breed."""
    photos, labels = labelled(package, folder)
    return photos, np.asarray(labels)


def fresh_network() -> Network:
    """Return a new pretrained network: channels_last changes the network in place."""
    return pretrained_network()[0]


def prepared(body: bytes, card: Card) -> Photos:
    """Decode and preprocess one photo to [1, size, size, 3]."""
    return prepare(wire_image(body), card.input)[None]


def milliseconds(call: Call, photos: Photos, rounds: int) -> list[float]:
    """Return the milliseconds of each of `rounds` calls."""
    durations = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call(photos)
        durations.append(1000 * (time.perf_counter() - begun))
    return durations
