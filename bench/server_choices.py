"""Compare settings of Kennel's server over HTTP: replicas and HTTP server.

    .venv/bin/python bench/server_choices.py [--rounds 3] [--seconds 3]      # 2 minutes

Every round starts each configuration and calls it with 1, 4 and 16 clients, so other work on the
machine slows all of them; the table has the medians over the rounds. Needs .venv-rivals, which has
granian.
The last line is JSON: each configuration's requests a second over the first's, by clients.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from endpoint import CLIENTS, DATA, HERE, KENNEL, RIVALS, Server, measure
from networks import packages

GRANIAN = [
    str(RIVALS / "granian"), "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}",
    "--workers", "1", "--log-level", "warning", "--working-dir", str(HERE / "rivals"),
    "granian_app:app",
]  # fmt: skip


def kennel(**environment: str) -> Server:
    """Return Kennel's server with these environment variables."""
    return Server(KENNEL, "int8", environment=environment)


CONFIGURATIONS = {
    "defaults": kennel(),
    "2 replicas": kennel(KENNEL_REPLICAS="2"),
    "granian": Server(GRANIAN, "int8"),
}
FIGURES = ("per_second", "p50_ms", "p99_ms")


def main() -> None:
    """Measure, print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Compare the server's settings over HTTP.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with valid/ and test/")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number of clients")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names, separated by semicolons")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"no photos at {arguments.data}: name a folder with valid/ and test/ by --data")
    if not (RIVALS / "granian").exists():
        sys.exit("there is no granian: run `.venv/bin/python bench/make_rivals.py` first")
    photos = sorted(path for path in (arguments.data / "test").rglob("*") if path.is_file())
    bodies = [path.read_bytes() for path in photos]
    chosen = {
        name: CONFIGURATIONS[name] for name in arguments.only.split(";") if name
    } or CONFIGURATIONS
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        folder = Path(name)
        packages(arguments.data / "valid", folder)
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} before")
        for number in range(arguments.rounds):
            for label, server in chosen.items():
                runs[label].append(measure(server, folder, bodies, arguments.seconds))
                print(f"round {number + 1}: {label}", file=sys.stderr, flush=True)
    medians = {
        label: {
            str(clients): {
                figure: statistics.median(run[str(clients)][figure] for run in of_label)
                for figure in FIGURES
            }
            for clients in CLIENTS
        }
        for label, of_label in runs.items()
    }
    head = "".join(f"{f'{clients} clients: /s p50 p99 ms':>28}" for clients in CLIENTS)
    print(f"{'settings':<14}{head}")
    for label, by_clients in medians.items():
        cells = (
            f"{by_clients[key]['per_second']:.1f} {by_clients[key]['p50_ms']:.0f} "
            f"{by_clients[key]['p99_ms']:.0f}"
            for key in map(str, CLIENTS)
        )
        print(f"{label:<14}" + "".join(f"{cell:>28}" for cell in cells))
    base = next(iter(medians.values()))
    ratios = {
        label: {
            key: round(by_clients[key]["per_second"] / base[key]["per_second"], 3)
            for key in by_clients
        }
        for label, by_clients in medians.items()
    }
    print(json.dumps({"over_first": ratios, "rounds": arguments.rounds, "medians": medians}))


if __name__ == "__main__":
    main()
