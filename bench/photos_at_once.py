"""Time several photos at once: in a batch on all cores, or each on a core of its own.

    python bench/photos_at_once.py                              # the pretrained package, 1 minute
    python bench/photos_at_once.py --model trained/model.tar.gz

The ways take turns, so that other work on the machine slows them alike. Photos are noise of the
network's size, decoded already. The last line is JSON: `ms` and `cpu_ms` of a photo, medians over
the rounds, and `ratio` and `cpu_ratio`, those of the best batch over a core each.
"""

import heads  # noqa: F401  # isort: skip  # makes model/ importable

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import Card
from dogbreeds.package.pretrained import write_pretrained
from dogbreeds.serving.engine import Engine
from dogbreeds.serving.openvino_core import CORE

BATCHES = (2, 4, 8)
Photos = NDArray[np.uint8]


def batch_on_all_cores(
    engine: Engine, package: Path, size: int, count: int
) -> Callable[[], object]:
    """Return a call of the network, compiled for batches of `count`."""
    model = CORE.read_model(*(package / file for file in engine.variant.files))
    model.reshape({"photos": [count, size, size, 3]})
    hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = CORE.compile_model(model, "CPU", hints).create_infer_request()
    photos = noise(count, size)
    return lambda: compiled.infer({"photos": photos})


def noise(count: int, size: int) -> Photos:
    """Return random photos [count, size, size, 3]."""
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a package; by default the pretrained one")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        archive = given.model or Path(name) / "model.tar.gz"
        if not given.model:
            write_pretrained(archive)
        with unpacked(archive) as package:
            engine, size = Engine(package), Card.read(package).input.size
            ways = {
                count: (
                    batch_on_all_cores(engine, package, size, count),
                    partial(engine, noise(count, size)),
                )
                for count in BATCHES
            }
    calls: dict[tuple[str, int], Callable[[], object]] = {
        ("alone", 1): partial(engine, noise(1, size))
    }
    for count, (batch, each) in ways.items():
        calls |= {("batch", count): batch, ("core each", count): each}
    times: dict[tuple[str, int], list[tuple[float, float]]] = {name: [] for name in calls}
    for number in range(given.rounds + 1):
        for way, call in calls.items():
            begun, begun_cpu = time.perf_counter(), time.process_time()
            call()
            taken = time.perf_counter() - begun, time.process_time() - begun_cpu
            if number:  # the first round compiles
                times[way].append((1000 * taken[0] / way[1], 1000 * taken[1] / way[1]))
    figures = {
        f"{name}, {count}": {
            "ms": round(median(wall for wall, _ in taken), 1),
            "cpu_ms": round(median(cpu for _, cpu in taken), 1),
        }
        for (name, count), taken in times.items()
    }
    for name, figure in figures.items():
        print(f"{name:14} {figure['ms']:6.1f} ms a photo, CPU {figure['cpu_ms']:6.1f} ms")

    def best(name: str, key: str) -> float:
        return min(figures[f"{name}, {count}"][key] for count in BATCHES)

    result = {
        "precision": engine.precision,
        "figures": figures,
        "ratio": round(best("batch", "ms") / best("core each", "ms"), 2),
        "cpu_ratio": round(best("batch", "cpu_ms") / best("core each", "cpu_ms"), 2),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
