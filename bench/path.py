"""Time a 12-megapixel photo through the whole offline cloud, by stage, and the course's path.

    .venv/bin/python bench/path.py                 # ../shared/data; 2 minutes on two cores
    .venv/bin/python bench/path.py --requests 10   # fewer of each path

Kennel's path is a running `kennel up` with the pretrained model: gateway, ClassifyFunction in AWS's
emulator, endpoint. The course's is another `kennel up`, of rivals/course_path: its Lambda sends the
photo on to its handler, ResNet-50 in eager PyTorch (rivals/course_app.py, under .venv-rivals). One
client sends the same JPEGs (large_photos.py) over one connection, to both in turns, warm.

The stages are medians: `gateway` is what remains of the client's time: HTTP, base64, the emulator;
`function` what remains of the function's own (TookMs of its log); `decode` its DecodeMs; `invoke`
what remains of its InvokeMs (encoding, botocore, SageMaker's API) without `inference`, which is
the model's own took_ms of the same wire. `init_ms` is the time of a first request to a new
environment over that of the next one, for a photo that is refused: Lambda's init phase. The last
line is JSON.
"""

import heads  # isort: skip  # makes model/ importable

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx

sys.path.insert(0, str(heads.ROOT))

from endpoint import RIVALS, SERVERS, running
from fault_injection.cloud import KennelUp
from fault_injection.expectations import wait_until
from large_photos import large_jpeg
from photo_decoder import kennel as decoder

DATA = heads.ROOT.parent / "shared" / "data" / "woof10" / "test"
COURSE = Path(__file__).parent / "rivals" / "course_path"
PHOTOS, WARM = 4, 4  # JPEGs, and requests before the first one that counts
PAUSE_SECONDS = 0.05  # between requests: the usage plan allows 20 a second
COLD_STARTS = 5
HANDLER = "classify.app.handler"
GOALS = {"p50_ms": 60, "course_ratio": 8, "init_ms": 400}


class Path_:  # noqa: N801  # pathlib has the name
    """A deployed API that takes photos."""

    def __init__(self, url: str, key: str = "") -> None:
        self._client = httpx.Client(timeout=60, trust_env=False)
        self._url, self._headers = url, {"content-type": "image/jpeg", "x-api-key": key}

    def send(self, body: bytes) -> tuple[float, httpx.Response]:
        """Send a photo; return the milliseconds and the answer."""
        begun = time.perf_counter()
        answer = self._client.post(self._url, content=body, headers=self._headers)
        return (time.perf_counter() - begun) * 1000, answer

    def time(self, body: bytes) -> float:
        """Send a photo that must be answered; return the milliseconds."""
        taken, answer = self.send(body)
        if answer.status_code != 200:
            sys.exit(f"{self._url} answered {answer.status_code}: {answer.text[:300]}")
        return taken


@contextlib.contextmanager
def kennel_up(folder: Path, *options: str) -> Iterator[KennelUp]:
    """Run a `kennel up` while the block runs."""
    folder.mkdir()
    cloud = KennelUp(folder, *options)
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.kill()


def log_lines(cloud: KennelUp) -> list[dict[str, Any]]:
    """Return the lines of ClassifyFunction's log that are its requests' metrics."""
    lines = []
    for log in Path(cloud.address.logs).glob("*Classify*.log"):
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{") and '"TookMs"' in line:
                lines.append(json.loads(line))
    return lines


def inference_ms(cloud: KennelUp, bodies: list[bytes], requests: int) -> float:
    """Return the median of the model's own milliseconds for the wires of photos."""
    decode, runtime = decoder(), cloud.aws("sagemaker-runtime")
    wires = [decode(body) for body in bodies]
    taken = []
    for number in range(requests):
        answer = runtime.invoke_endpoint(
            EndpointName="kennel",
            ContentType="application/x-npy",
            Body=wires[number % len(wires)],
        )
        taken.append(float(json.load(answer["Body"])["took_ms"]))
        time.sleep(PAUSE_SECONDS)
    return median(taken)


def init_ms(cloud: KennelUp, path: Path_) -> list[float]:
    """Return the milliseconds that new environments of the function took to start."""
    taken: list[float] = []
    for _ in range(COLD_STARTS):
        for pid in cloud.pids(HANDLER):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        wait_until(lambda: not cloud.pids(HANDLER), "end of the environments")
        cold, answer = path.send(b"no photo")
        warm = median(path.send(b"no photo")[0] for _number in range(3))
        if answer.status_code == 400:  # else the request met the one that had just ended
            taken.append(round(cold - warm))
        time.sleep(5 * PAUSE_SECONDS)
    return taken


def imports() -> dict[str, Any]:
    """Return how many modules ClassifyFunction imports at its start, and from which packages."""
    code = "import sys; import classify.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(heads.ROOT / "functions"),
            "ENDPOINT_NAME": "kennel",
            "AWS_REGION": "us-east-1",
            "SAGEMAKER_ENDPOINT_URL": "",
            "ALLOWED_ORIGIN": "",
            "HOSTING": "instances",
            "LOG_SAMPLE_RATE": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    modules = done.stdout.split()
    packages = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    named = sorted(name for name in packages if re.match("[A-Za-z]", name))
    return {"modules": len(modules), "packages": named}


def stages(lines: list[dict[str, Any]], client: float, inference: float) -> dict[str, float]:
    """Return the median milliseconds of each stage."""

    def middle(metric: str) -> float:
        return median(_number(line[metric]) for line in lines)

    took, decode, invoke = middle("TookMs"), middle("DecodeMs"), middle("InvokeMs")
    parts = {
        "gateway": client - took,
        "function": took - decode - invoke,
        "decode": decode,
        "invoke": invoke - inference,
        "inference": inference,
    }
    return {name: round(value, 1) for name, value in parts.items()}


def _number(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


def main() -> None:
    """Print the two paths, and the line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="a folder with photos")
    parser.add_argument("--requests", type=int, default=60, help="of each path")
    given = parser.parse_args()
    photos = sorted(path for path in given.data.rglob("*") if path.is_file())
    if not photos:
        sys.exit(f"no photos at {given.data}: name a folder with some by --data")
    if not RIVALS.is_dir():
        sys.exit("there is no .venv-rivals: run `.venv/bin/python bench/make_rivals.py` first")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that the clouds end
    bodies = [large_jpeg(photo) for photo in photos[:: len(photos) // PHOTOS][:PHOTOS]]
    with contextlib.ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="kennel-path-")))
        port = exits.enter_context(running(SERVERS["course"], folder, folder / "log", bodies[0]))[0]
        url = f"EndpointUrl=http://127.0.0.1:{port}"
        cloud = exits.enter_context(kennel_up(folder / "kennel"))
        other = exits.enter_context(
            kennel_up(folder / "rival", "--template", str(COURSE), "--parameter-overrides", url)
        )
        kennel = Path_(f"{cloud.address.api_url}/classify", cloud.address.api_key)
        course = Path_(f"{other.address.api_url or other.address.outputs['ApiUrl']}/classify")
        wait_until(lambda: kennel.send(bodies[0])[1].status_code == 200, "answer of the endpoint")
        for number in range(WARM):
            kennel.time(bodies[number % len(bodies)])
            course.time(bodies[number % len(bodies)])
        before = len(log_lines(cloud))
        taken: dict[str, list[float]] = {"kennel": [], "course": []}
        for number in range(given.requests):
            for name, path in (("kennel", kennel), ("course", course)):
                taken[name].append(path.time(bodies[number % len(bodies)]))
                time.sleep(PAUSE_SECONDS)
        lines = log_lines(cloud)[before:]
        inference = inference_ms(cloud, bodies, given.requests)
        starts = init_ms(cloud, kennel)
    p50 = {name: round(median(values), 1) for name, values in taken.items()}
    ratio = median(b / a for a, b in zip(taken["kennel"], taken["course"], strict=True))
    result = {
        "p50_ms": p50["kennel"],
        "best_ms": round(min(taken["kennel"]), 1),
        "course_p50_ms": p50["course"],
        "course_best_ms": round(min(taken["course"]), 1),
        "course_ratio": round(ratio, 2),
        "stages_ms": stages(lines, median(taken["kennel"]), inference),
        "init_ms": median(starts) if starts else None,
        "inits_ms": starts,
        "imports": imports(),
        "jpeg_bytes": sum(map(len, bodies)) // len(bodies),
        "requests": given.requests,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "goals": GOALS,
    }
    print(f"{result['cores']} cores, load {result['load']}")
    for name, values in taken.items():
        print(f"{name:10} p50 {p50[name]:8} ms, best {min(values):8.1f} ms")
    for name, value in result["stages_ms"].items():
        print(f"  {name:10}{value:8} ms")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
