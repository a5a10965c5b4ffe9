"""Time calls with and without a heat map, and those of a package from before there were any.

    python bench/explain.py                  # a minute on two cores

The photo is the package's own; the three kinds of call take turns, so that other work on the
machine slows them alike. The last line is JSON: medians in ms, and their ratio to the older
package's.
"""

import heads  # noqa: F401  # isort: skip  # makes model/ importable

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from dogbreeds.package.archive import unpacked
from dogbreeds.package.pretrained import write_pretrained
from dogbreeds.serving import engine
from dogbreeds.serving.graph import BREED_MAP
from dogbreeds.serving.inference import Model, input_fn, model_fn, predict_all, prepare_photos
from dogbreeds.serving.openvino_core import CORE, ov
from dogbreeds.serving.parameters import Parameters

ROUNDS = 100
BATCH = 8


def older(package: Path, out: Path) -> Path:
    """Copy a package without the network's third output."""
    shutil.copytree(package, out)
    files = engine.FP32.files
    model = CORE.read_model(*(package / file for file in files))
    for result in model.get_results():
        if BREED_MAP in result.input(0).get_source_output().get_names():
            model.remove_result(result)
    for file in files:
        (out / file).unlink()
    ov.save_model(model, out / files[0], compress_to_fp16=False)
    return out


def call(model: Model, body: bytes, photos: int, *, explain: bool = False) -> Callable[[], object]:
    """Return a call that classifies a decoded photo, or a batch of requests with one."""
    photo = replace(input_fn(body, "image/jpeg"), asked=Parameters(explain=explain))
    requests = [prepare_photos(photo, model)] * photos
    return lambda: predict_all(requests, model)


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description="The cost of heat maps.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        write_pretrained(Path(name) / "model.tar.gz")
        with unpacked(Path(name) / "model.tar.gz") as package:
            now = model_fn(str(package))
            before = model_fn(str(older(package, Path(name) / "older")))
            body = (package / "smoke.jpg").read_bytes()
    calls = {
        "before, 1 photo": call(before, body, 1),
        "now, 1 photo": call(now, body, 1),
        "now, 1 photo, explained": call(now, body, 1, explain=True),
        f"before, {BATCH} photos": call(before, body, BATCH),
        f"now, {BATCH} photos": call(now, body, BATCH),
    }
    for warm_up in calls.values():
        warm_up()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, each in calls.items():
            started = time.perf_counter()
            each()
            times[name].append((time.perf_counter() - started) * 1_000)
    result = {}
    for name, taken in times.items():
        photos = name.partition(", ")[2].partition(", ")[0]
        # pair by pair: what slows one call slows its neighbour
        ratio = median(a / b for a, b in zip(taken, times[f"before, {photos}"], strict=True))
        result[name] = {"ms": round(median(taken), 2), "ratio": round(ratio, 3)}
        print(f"{name:26}{result[name]['ms']:10.2f} ms{result[name]['ratio']:8.3f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
