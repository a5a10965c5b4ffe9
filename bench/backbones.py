"""Compare backbones in the serving engine: fp32 and int8 milliseconds, and sizes, on two cores.

    python bench/backbones.py resnet50 hgnetv2_b2     # beside the default; 20 s each

Weights and photos are random: neither changes the time that a call takes. All networks take turns,
so that what else runs on the machine slows all of them; the ratios to the default say more than
the milliseconds. Accuracy is not measured here: docs/training.md quotes timm's own.
"""

import argparse
import statistics
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "model"), str(ROOT / "bench")]

from dogbreeds.serving.engine import FP32, INT8  # noqa: E402, I001  # before torch loads OpenMP

from dogbreeds.network.export import export  # noqa: E402
from dogbreeds.network.network import Network  # noqa: E402
from dogbreeds.network.weights import load_backbone  # noqa: E402
from dogbreeds.package.pretrained import BACKBONE, preprocess_config  # noqa: E402
from dogbreeds.package.quantize import quantize  # noqa: E402
from networks import Call, Photos, milliseconds, openvino  # noqa: E402

BREEDS = 120
CALIBRATION_PHOTOS = 20  # enough for random weights, whose accuracy nobody asks for
ROUNDS, CALLS = 15, 4


def main() -> None:
    """Print a row for each backbone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="timm's names")
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    names = list(dict.fromkeys([BACKBONE, *flags.names]))
    calls: dict[tuple[str, str], tuple[Call, Photos]] = {}
    print(f"{'backbone':32}{'pixels':>7}{'MB':>7}{'fp32 ms':>9}{'int8 ms':>9}{'ratios':>15}")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = {}
        for name in names:
            package = Path(folder) / name
            package.mkdir()
            sizes[name] = _prepare(name, package, flags.threads, calls)
        times: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
        for _ in range(ROUNDS):
            for key, (call, photos) in calls.items():
                times[key] += milliseconds(call, photos, CALLS)
    medians = {key: statistics.median(durations) for key, durations in times.items()}
    for name in names:
        fp32, int8 = medians[name, "fp32"], medians[name, "int8"]
        ratios = [fp32 / medians[BACKBONE, "fp32"], int8 / medians[BACKBONE, "int8"]]
        pixels, megabytes = sizes[name]
        print(
            f"{name:32}{pixels:7}{megabytes:7.0f}{fp32:9.1f}{int8:9.1f}"
            f"{ratios[0]:9.2f}{ratios[1]:6.2f}"
        )


def _prepare(
    name: str, package: Path, threads: int, calls: dict[tuple[str, str], tuple[Call, Photos]]
) -> tuple[int, float]:
    """Add the calls of a backbone; return its input's side and the MB of its fp32 weights."""
    module = load_backbone(name, random=True).module
    config = preprocess_config(module)
    network = Network(module, BREEDS, config).eval()
    export(network, config.size, package)
    shape = (CALIBRATION_PHOTOS, config.size, config.size, 3)
    photos = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    quantize(package, photos, package)
    for variant in (FP32, INT8):
        precision = "int8" if variant is INT8 else "fp32"
        calls[name, precision] = (openvino(package, precision, threads), photos[:1])
    return config.size, (package / FP32.files[1]).stat().st_size / 1e6


if __name__ == "__main__":
    main()
