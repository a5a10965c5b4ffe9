"""Measure what decoding and network alone, without HTTP, could answer on all cores.

    .venv/bin/python bench/limit.py PACKAGE SECONDS < requests     # prints a line of JSON

One process for each core decodes photos to what the network takes, for half of the time; then the
network alone classifies on all cores for the other half. A photo costs at least the sum of both,
so the limit is 1 / (1 / decoded + 1 / classified) a second. endpoint.py starts it as a process of
its own, with load.py's form of standard input.
"""

import json
import multiprocessing
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

import numpy as np  # isort: skip
from dogbreeds.package.card import Card  # isort: skip
from dogbreeds.photos.decode import wire_image  # isort: skip
from dogbreeds.photos.preprocess import prepare  # isort: skip

BATCH = 8  # photos in a call


def decoded(bodies: list[bytes], card: Card, seconds: float) -> tuple[float, float]:
    """Return the photos a second that processes on all cores decode, and CPU ms for each."""

    def work(counts: "multiprocessing.Queue[tuple[float, float]]") -> None:
        begun, begun_cpu = time.perf_counter(), time.process_time()
        count = 0
        while (taken := time.perf_counter() - begun) < seconds:
            prepare(wire_image(bodies[count % len(bodies)]), card.input)
            count += 1
        counts.put((count / taken, 1000 * (time.process_time() - begun_cpu) / count))

    context = multiprocessing.get_context("fork")
    counts = context.Queue()
    processes = [
        context.Process(target=work, args=(counts,)) for _ in range(len(os.sched_getaffinity(0)))
    ]
    for process in processes:
        process.start()
    each = [counts.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rate for rate, _ in each), sum(cpu for _, cpu in each) / len(each)


def classified(
    package: Path, bodies: list[bytes], card: Card, seconds: float
) -> tuple[float, float]:
    """Return the photos a second that the network answers, and CPU ms for each."""
    from dogbreeds.serving.inference import load_model  # noqa: PLC0415  # after the forks

    model = load_model(package, len(os.sched_getaffinity(0)))
    photos = np.stack([prepare(wire_image(body), card.input) for body in bodies[:BATCH]])
    model.engine(photos)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    count = 0
    while (taken := time.perf_counter() - begun) < seconds:
        model.engine(photos)
        count += len(photos)
    return count / taken, 1000 * (time.process_time() - begun_cpu) / count


def main() -> None:
    """Print the two rates and the limit."""
    package, seconds = Path(sys.argv[1]), float(sys.argv[2])
    bodies = []
    while sys.stdin.buffer.readline():  # the content type
        bodies.append(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))
    card = Card.read(package)
    decoding, decoding_cpu = decoded(bodies, card, seconds / 2)
    network, network_cpu = classified(package, bodies, card, seconds / 2)
    figures = {
        "decoded_per_second": round(decoding, 1),
        "classified_per_second": round(network, 1),
        "per_second": round(1 / (1 / decoding + 1 / network), 1),
        "cpu_ms": round(decoding_cpu + network_cpu, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
