"""Compare servers over HTTP: Kennel, LitServe, BentoML, FastAPI, mosec, Ray Serve, the course's.

    .venv/bin/python bench/endpoint.py [--seconds 4]                      # 5 minutes
    .venv/bin/python bench/endpoint.py --engine --rounds 3                # 5 minutes

Each server runs alone, as a process of its own with all cores, and is called by 1, 4 and 16 clients
on those same cores, with the same JPEGs of woof10. Two kinds of rivals: those with the same network
in eager PyTorch (see rivals/shared_parts.py), and those whose names end in ", engine", which serve
Kennel's own int8 engine and decoding (rivals/engine_parts.py), so that the server alone differs.
--engine leaves out the first kind. Needs .venv-rivals (`.venv/bin/python bench/make_rivals.py`).

The last line is JSON. `best_rival_ratio`: Kennel's requests a second over those of the best eager
rival; `course_ratio`: over the course's handler; `p99_ratio`: Kennel's p99 over that best rival's;
each the worst of the three numbers of clients. `engine_ratio` and `engine_p99_ratio`: the same by
number of clients against the best server with Kennel's engine. `of_limit`: Kennel's requests a
second over the limit, what decoding and network alone can answer (limit.py). `engine_cpu_ratio`
and `of_limit_cpu` compare the servers' CPU time for a request, which other work on the machine
disturbs least: that of the best such server, or of the limit, over Kennel's. The ratios leave out
Ray Serve, which runs Kennel's engine, the wire format, and Kennel in fp32, which a package without
valid photos runs. With --rounds each figure is the median of its rounds.
"""

import argparse
import base64
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from kennel.cloud.runtime.processes import descendants
from networks import packages
from process_usage import usage_of

import numpy as np  # isort: skip
from dogbreeds.photos.decode import wire_array  # isort: skip

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RIVALS = ROOT / ".venv-rivals" / "bin"
DATA = ROOT.parent / "shared" / "data" / "woof10"
CLIENTS = (1, 4, 16)
PATIENCE = 120.0  # seconds for a server to become ready
PAGE = os.sysconf("SC_PAGE_SIZE")


def as_is(body: bytes) -> tuple[str, bytes]:
    """Wrap a JPEG as SageMaker's endpoint takes it."""
    return "image/jpeg", body


def as_wire(body: bytes) -> tuple[str, bytes]:
    """Wrap a photo's pixels as the Lambda function sends them."""
    buffer = BytesIO()
    np.save(buffer, wire_array(body))
    return "application/x-npy", buffer.getvalue()


def as_base64(body: bytes) -> tuple[str, bytes]:
    """Wrap a JPEG for LitServe."""
    return "application/json", json.dumps({"image": base64.b64encode(body).decode()}).encode()


def as_form(body: bytes) -> tuple[str, bytes]:
    """Wrap a JPEG for BentoML."""
    head = (
        b'--kennel\r\nContent-Disposition: form-data; name="images"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n"
    )
    return "multipart/form-data; boundary=kennel", head + body + b"\r\n--kennel--\r\n"


@dataclass(frozen=True)
class Server:
    """How to start a server, and the request format that it takes."""

    command: list[str]  # {port} is filled in
    package: str  # "int8" or "fp32", the folder that SM_MODEL_DIR names
    wrap: Callable[[bytes], tuple[str, bytes]] = as_is
    path: str = "/invocations"
    ping: str = "/ping"
    environment: dict[str, str] = field(default_factory=dict)


PYTHON, RIVAL = str(ROOT / ".venv" / "bin" / "python"), str(RIVALS / "python")
KENNEL = [PYTHON, str(ROOT / "model" / "server.py"), "serve"]
SERVERS = {
    "kennel": Server(KENNEL, "int8"),
    "kennel, wire": Server(KENNEL, "int8", as_wire),
    "kennel, fp32": Server(KENNEL, "fp32"),
    "fastapi, engine": Server([RIVAL, str(HERE / "rivals" / "engine_fastapi_app.py")], "int8"),
    "mosec, engine": Server(
        [RIVAL, str(HERE / "rivals" / "engine_mosec_app.py"), "--port", "{port}",
         "--address", "127.0.0.1", "--timeout", "60000"],
        "int8", path="/inference", ping="/metrics",
    ),
    "litserve, engine": Server(
        [RIVAL, str(HERE / "rivals" / "engine_litserve_app.py")], "int8", as_base64, ping="/health"
    ),
    "ray": Server(
        [str(RIVALS / "serve"), "run", "{config}"], "int8", path="/", ping="/-/healthz"
    ),
    "fastapi": Server([RIVAL, str(HERE / "rivals" / "fastapi_app.py")], "fp32"),
    "litserve": Server(
        [RIVAL, str(HERE / "rivals" / "litserve_app.py")], "fp32", as_base64, ping="/health"
    ),
    "bentoml": Server(
        [str(RIVALS / "bentoml"), "serve", "bentoml_app:Classifier", "--port", "{port}",
         "--host", "127.0.0.1", "--working-dir", str(HERE / "rivals")],
        "fp32", as_form, ping="/readyz",
    ),
    "course": Server([RIVAL, str(HERE / "rivals" / "course_app.py")], "fp32"),
}  # fmt: skip
EAGER = ("fastapi", "litserve", "bentoml")
ENGINE = ("fastapi, engine", "mosec, engine", "litserve, engine")
LIMIT_SECONDS = 6.0


@contextlib.contextmanager
def running(
    server: Server, folder: Path, log: Path, first: bytes
) -> Iterator[tuple[int, int, float]]:
    """Start a server; yield its port, its process and the seconds until it answered a photo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    package = folder / server.package
    config = folder / "config.yaml"
    if (package / "config.yaml").exists():  # for Ray Serve
        text = (package / "config.yaml").read_text()
        config.write_text(text.replace("port: 8000", f"port: {port}"))
    environment = {
        **os.environ,
        **server.environment,
        "SM_MODEL_DIR": str(package),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "PORT": str(port),
        "PYTHONPATH": str(package) if server.ping == "/-/healthz" else "",
        "RAY_USAGE_STATS_ENABLED": "0",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    command = [part.format(port=port, config=config) for part in server.command]
    begun = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait(server, port, process, first)
        yield port, process.pid, time.perf_counter() - begun
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(server: Server, port: int, process: subprocess.Popen[bytes], first: bytes) -> None:
    """Return once the ping is good and `first`, a photo, got its answer."""
    kind, body = server.wrap(first)
    url = f"http://127.0.0.1:{port}"
    ping = urllib.request.Request(url + server.ping)
    photo = urllib.request.Request(url + server.path, body, {"Content-Type": kind})
    deadline = time.monotonic() + PATIENCE
    for request in (ping, photo):
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{server.command[:3]} did not become ready")
            try:
                urllib.request.urlopen(request, timeout=PATIENCE)
                break
            except OSError:  # refused, or an HTTP status that is an error
                time.sleep(0.02)


def resident(pid: int) -> float:
    """Return the megabytes of a process and its descendants, shared memory counted once (PSS)."""
    usages = (usage_of(process, 0.0) for process in (pid, *descendants(pid)))
    return sum(usage.pss for usage in usages if usage)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its living descendants have taken."""
    ticks = 0
    for process in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime
    return ticks / os.sysconf("SC_CLK_TCK")


def limit(package: Path, bodies: list[bytes]) -> dict[str, float]:
    """Return what decoding and network alone, without HTTP, can answer."""
    done = subprocess.run(
        [PYTHON, str(HERE / "limit.py"), str(package), str(LIMIT_SECONDS)],
        input=stream_of(as_is, bodies),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])
    return dict(json.loads(done.stdout))


def stream_of(wrap: Callable[[bytes], tuple[str, bytes]], bodies: list[bytes]) -> bytes:
    """Return bodies in the form of load.py's standard input."""
    return b"".join(f"{kind}\n{len(body)}\n".encode() + body for kind, body in map(wrap, bodies))


def measure(server: Server, folder: Path, bodies: list[bytes], seconds: float) -> dict[str, Any]:
    """Measure one server with each number of clients."""
    stream = stream_of(server.wrap, bodies)
    result: dict[str, Any] = {}
    log = folder / "server.log"
    with running(server, folder, log, bodies[0]) as (port, pid, ready):
        result["ready_s"] = round(ready, 1)
        for clients in CLIENTS:
            load = [PYTHON, str(HERE / "load.py"), str(port), server.path]
            before = cpu_seconds(pid)
            done = subprocess.run(
                [*load, str(clients), str(seconds)], input=stream, capture_output=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr.decode()[-2000:] + log.read_text()[-2000:])
            figures = result[str(clients)] = json.loads(done.stdout)
            figures["cpu_ms"] = round(1000 * (cpu_seconds(pid) - before) / figures["sent"], 2)
            if set(result[str(clients)]["statuses"]) != {"200"}:
                sys.exit(f"expected answers 200 only, received {figures['statuses'] or 'none'}")
        result["resident_mb"] = round(resident(pid))
    return result


def median_of(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a server's results in several rounds."""
    row = dict(rounds[0])
    for key in map(str, CLIENTS):
        figures = {
            name: round(statistics.median(each[key][name] for each in rounds), 1)
            for name in ("per_second", "p50_ms", "p99_ms", "cpu_ms")
        }
        row[key] = {**rounds[0][key], **figures}
    return row


def compared(results: dict[str, dict[str, Any]], rivals: list[str]) -> dict[str, dict[str, float]]:
    """Compare Kennel with the best of some rivals at each number of clients: speed and p99."""
    ratios: dict[str, dict[str, float]] = {}
    for key in map(str, CLIENTS):
        best = results[max(rivals, key=lambda name: results[name][key]["per_second"])][key]
        kennel = results["kennel"][key]
        ratios[key] = {
            "speed": round(kennel["per_second"] / best["per_second"], 2),
            "p99": round(kennel["p99_ms"] / best["p99_ms"], 2),
            "cpu": round(
                min(results[name][key]["cpu_ms"] for name in rivals) / kennel["cpu_ms"], 2
            ),
        }
    return ratios


def summary(results: dict[str, dict[str, Any]], limits: dict[str, float]) -> dict[str, Any]:
    """Return Kennel's throughput and p99 beside the best rivals', and beside the limit."""
    figures: dict[str, Any] = {}
    if "kennel" in results:
        if eager := [name for name in EAGER if name in results]:
            ratios = compared(results, eager).values()
            figures["best_rival_ratios"] = [each["speed"] for each in ratios]
            figures["best_rival_ratio"] = min(figures["best_rival_ratios"])
            figures["p99_ratios"] = [each["p99"] for each in ratios]
            figures["p99_ratio"] = max(figures["p99_ratios"])
        if "course" in results:
            course = compared(results, ["course"]).values()
            figures["course_ratios"] = [each["speed"] for each in course]
            figures["course_ratio"] = min(figures["course_ratios"])
        if engine := [name for name in ENGINE if name in results]:
            ratios_by_clients = compared(results, engine)
            for name, of in (
                ("engine_ratio", "speed"),
                ("engine_p99_ratio", "p99"),
                ("engine_cpu_ratio", "cpu"),
            ):
                figures[name] = {key: each[of] for key, each in ratios_by_clients.items()}
        kennel = results["kennel"]
        for key in map(str, CLIENTS):
            speed, cpu = (kennel[key][name] for name in ("per_second", "cpu_ms"))
            figures.setdefault("of_limit", {})[key] = round(speed / limits["per_second"], 2)
            figures.setdefault("of_limit_cpu", {})[key] = round(limits["cpu_ms"] / cpu, 2)
    return {**figures, "limit": limits, "clients": CLIENTS, "results": results}


def main() -> None:
    """Measure each server, and print a table and the line of JSON."""
    parser = argparse.ArgumentParser(description="Compare servers over HTTP.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with valid/ and test/")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each number of clients")
    parser.add_argument("--rounds", type=int, default=1, help="how often each server is measured")
    parser.add_argument("--only", default="", help="names, separated by semicolons")
    parser.add_argument(
        "--engine", action="store_true", help="only Kennel and the servers with its engine"
    )
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"no photos at {arguments.data}: name a folder with valid/ and test/ by --data")
    if not RIVALS.is_dir():
        sys.exit("there is no .venv-rivals: run `.venv/bin/python bench/make_rivals.py` first")
    only = arguments.only.split(";") if arguments.only else list(SERVERS)
    if arguments.engine:
        only = ["kennel", *ENGINE]
    photos = sorted(path for path in (arguments.data / "test").rglob("*") if path.is_file())
    bodies = [path.read_bytes() for path in photos]
    rounds: dict[str, list[dict[str, Any]]] = {label: [] for label in only}
    limits: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        folder = Path(name)
        decision = packages(arguments.data / "valid", folder)[2]
        cores = len(os.sched_getaffinity(0))
        print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before, {len(bodies)} JPEGs of "
              f"{sum(map(len, bodies)) // len(bodies):,} bytes; {decision}")  # fmt: skip
        head = "".join(f"{f'{clients} clients: /s p50 p99 ms':>28}" for clients in CLIENTS)
        print(f"{'server':<18}{head}{'MB':>7}{'ready s':>9}", flush=True)
        for _ in range(arguments.rounds):
            limits.append(limit(folder / "int8", bodies))
            print("limit: {per_second} a second, by decoding {decoded_per_second} and the network "
                  "{classified_per_second}".format(**limits[-1]))  # fmt: skip
            for label in only:
                row = measure(SERVERS[label], folder, bodies, arguments.seconds)
                rounds[label].append(row)
                cells = (
                    f"{row[key]['per_second']:.1f} {row[key]['p50_ms']:.0f} "
                    f"{row[key]['p99_ms']:.0f}" for key in map(str, CLIENTS)
                )  # fmt: skip
                text = "".join(f"{cell:>28}" for cell in cells)
                print(f"{label:<18}{text}{row['resident_mb']:>7}{row['ready_s']:>9}", flush=True)
    of_all = {key: statistics.median(each[key] for each in limits) for key in limits[0]}
    print(json.dumps(summary({label: median_of(rows) for label, rows in rounds.items()}, of_all)))


if __name__ == "__main__":
    main()
