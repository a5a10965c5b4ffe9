"""Time the network in OpenVINO, eager PyTorch, torch.compile and ONNX Runtime.

    .venv-rivals/bin/python bench/engine.py [--inductor] [--data ../shared/data/woof10]     # 2 min

All run the same network on the same photos in one process, in turns: each round times each of
them, so other work on the machine slows all of them. `python bench/make_rivals.py` makes
.venv-rivals; under .venv ONNX Runtime is left out. --inductor adds torch.compile, which takes
minutes to compile.
The last line is JSON: `batch1_ratio` and `batch8_ratio` (the faster eager layout's median over the
engine's), `same_top1` (the engine's top-1 on the test photos is at most 0.5 points lower).
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from networks import (
    Call,
    Photos,
    eager,
    fresh_network,
    inductor,
    milliseconds,
    onnx_runtime,
    openvino,
    packages,
    test_photos,
)

import numpy as np  # isort: skip
import torch  # isort: skip
from torch.utils.flop_counter import FlopCounterMode  # isort: skip

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "woof10"
ROUNDS = {1: 40, 8: 10}  # batch size to timed rounds
CALLS = 3  # of one contender in a row; the first one, with cold caches, is not counted
MAX_TOP1_LOSS = 0.005  # of top-1


def contenders(
    fp32: Path, int8: Path, size: int, threads: int, compile_too: bool
) -> dict[str, Call]:
    """Return every form of the network that is timed, by name."""
    calls = {
        "eager NCHW": eager(fresh_network(), channels_last=False),
        "eager channels_last": eager(fresh_network(), channels_last=True),
    }
    if compile_too:
        calls["torch.compile"] = inductor(fresh_network())
    if importlib.util.find_spec("onnxruntime"):
        calls["ONNX Runtime fp32"] = onnx_runtime(fresh_network(), size, threads)
    calls["OpenVINO fp32"] = openvino(fp32, "fp32", threads)
    calls["OpenVINO bf16"] = openvino(fp32, "bf16", threads)
    if (int8 / "network-int8.xml").is_file():
        calls["OpenVINO int8"] = openvino(int8, "int8", threads)
    return calls


def medians(calls: dict[str, Call], photos: Photos) -> dict[str, float]:
    """Return each contender's median milliseconds for one batch, measured in turns."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        milliseconds(call, photos, CALLS)
    for _ in range(ROUNDS[len(photos)]):
        for name, call in calls.items():
            took[name] += milliseconds(call, photos, CALLS)[1:]
    return {name: statistics.median(values) for name, values in took.items()}


def top1(call: Call, photos: Photos) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the top breed of each photo."""
    return np.concatenate(
        [call(photos[i : i + 8]).argmax(axis=1) for i in range(0, len(photos), 8)]
    )


def peak_gflops() -> float:
    """Return the GFLOP/s of the best of ten large fp32 matrix products on these cores."""
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    best = 0.0
    for _ in range(10):
        begun = time.perf_counter()
        torch.mm(a, b)
        best = max(best, 2 * 2048**3 / (time.perf_counter() - begun) / 1e9)
    return best


def gflop(photos: Photos) -> float:
    """Return the floating point operations of one photo, in GFLOP."""
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode():
        fresh_network()(torch.from_numpy(photos[:1]))
    return float(counter.get_total_flops()) / 1e9


def main() -> None:
    """Measure, print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Time the network in every form.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with valid/ and test/")
    parser.add_argument("--inductor", action="store_true", help="also torch.compile (minutes)")
    arguments = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    if not arguments.data.is_dir():
        sys.exit(f"no photos at {arguments.data}: name a folder with valid/ and test/ by --data")
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        fp32, int8, decision = packages(arguments.data / "valid", Path(name))
        photos, truth = test_photos(fp32, arguments.data / "test")
        calls = contenders(fp32, int8, photos.shape[1], threads, arguments.inductor)
        print(f"{threads} threads, load {os.getloadavg()[0]:.1f} before; {decision}")
        times = {size: medians(calls, photos[:size].copy()) for size in ROUNDS}
        tops = {label: top1(call, photos) for label, call in calls.items()}
    right = {label: float((tops[label] == truth).mean()) for label in calls}
    work, peak = gflop(photos), peak_gflops()
    print(f"{'form':<22}{'batch 1 ms':>11}{'batch 8 ms':>11}{'top-1':>8}{'peak':>7}")
    for label in calls:
        share = work * 8 / times[8][label] * 1000 / (peak * (4 if label.endswith("int8") else 1))
        print(
            f"{label:<22}{times[1][label]:>11.1f}{times[8][label]:>11.1f}{right[label]:>8.3f}{share:>7.0%}"
        )
    print(
        f"peak: of {peak:.0f} GFLOP/s, the best fp32 matrix product measured here (int8: of four "
        f"times that), at {work:.2f} GFLOP a photo, batch 8"
    )
    engine = "OpenVINO int8" if "OpenVINO int8" in calls else "OpenVINO fp32"
    best = {size: min(times[size][label] for label in calls if "eager" in label) for size in ROUNDS}
    print(
        json.dumps(
            {
                "batch1_ratio": round(best[1] / times[1][engine], 2),
                "batch8_ratio": round(best[8] / times[8][engine], 2),
                "same_top1": right["eager NCHW"] - right[engine] <= MAX_TOP1_LOSS + 1e-9,
                "top1_eager": round(right["eager NCHW"], 4),
                "top1_engine": round(right[engine], 4),
                "agreement": round(float((tops["eager NCHW"] == tops[engine]).mean()), 4),
                "photos": len(truth),
                "engine": engine,
                "threads": threads,
            }
        )
    )


if __name__ == "__main__":
    main()
