"""Fuzz ClassifyFunction with malformed photos: measure HTTP statuses, memory and time.

    .venv/bin/python bench/malformed.py                    # ../shared/data; 3 minutes
    .venv/bin/python bench/malformed.py --mutations 2000   # 20 seconds

The files of shared/data/malformed, and mutations of valid photos (mutations.py), go to the handler
in this process, as API Gateway's events; the client of the endpoint is one that answers at once.
The goals: never a 5xx, at most 128 MB above what the process held before the first file, at most a
second each (CPU time, so that other work on the machine does not count), and a good photo is
answered afterwards. Exit status 1 if one is missed. The last line is JSON.
"""

import argparse
import base64
import io
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "functions"))
os.environ |= {
    "ENDPOINT_NAME": "kennel",
    "AWS_REGION": "us-east-1",
    "SAGEMAKER_ENDPOINT_URL": "http://127.0.0.1:1",
    "ALLOWED_ORIGIN": "",
    "LOG_SAMPLE_RATE": "1",
    "POWERTOOLS_SERVICE_NAME": "classify",
}

from aws_lambda_powertools.logging import Logger  # noqa: E402
from botocore.response import StreamingBody  # noqa: E402

from classify.app import make_handler  # noqa: E402
from classify.endpoint import Endpoint  # noqa: E402
from mutations import mutated, valid_photos  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
MAX_MB, MAX_SECONDS = 128, 1.0
KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


class Runtime:
    """A client of the endpoint that answers each photo at once, and checks that it is a wire."""

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        """Answer as the model does."""
        assert request["Body"].startswith(b"\x93NUMPY"), "no wire"
        breed = {"breed": "Beagle", "probability": 0.9}
        answer = {"model": "kennel@1", "is_dog": True, "breeds": [breed]}
        body = json.dumps(answer).encode()
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}


def event(body: bytes, content_type: str) -> dict[str, Any]:
    """Return API Gateway's event for a photo."""
    return {
        "headers": {"Content-Type": content_type},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def memory(field: str) -> float:
    """Return VmRSS (now) or VmHWM (the peak) of this process in MB."""
    match = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1]) / 1024


def inputs(data: Path, bodies: list[bytes], mutations: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield each input's group, its name and its bytes."""
    for path in sorted((data / "malformed").iterdir()):
        yield "files", path.name, path.read_bytes()
    for number in range(mutations):
        way, body = mutated(number, bodies)
        yield way, f"mutation {number}", body


def run(data: Path, mutations: int) -> dict[str, Any]:
    """Send everything; return what is reported."""
    # Another service than the function's: Powertools gives loggers of one name one stream.
    log = Logger(service="bench", stream=io.StringIO())
    handler = make_handler(Endpoint(Runtime(), "kennel"), "kennel", log)  # type: ignore[arg-type]
    good = event(next((data / "woof10" / "test").rglob("*.jpg")).read_bytes(), "image/jpeg")
    bodies = valid_photos(data / "photos")
    start = memory("VmRSS")
    statuses: dict[str, Counter[int]] = {}
    failed: list[str] = []
    slowest, longest, peak = (0.0, ""), 0.0, (0.0, "")
    count = 0
    for group, name, body in inputs(data, bodies, mutations):
        request = event(body, KINDS.get(Path(name).suffix, "image/jpeg"))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        begun, begun_cpu = time.perf_counter(), time.process_time()
        status = handler(request, None)["statusCode"]
        cpu, wall = time.process_time() - begun_cpu, time.perf_counter() - begun
        most = memory("VmHWM") - start
        slowest, longest = max(slowest, (cpu, name)), max(longest, wall)
        peak = max(peak, (most, name))
        statuses.setdefault(group, Counter())[status] += 1
        if status >= 500 or most > MAX_MB or cpu > MAX_SECONDS:
            failed.append(f"{name} ({group}): {status}, {most:.0f} MB, {cpu:.2f} s")
        count += 1
    after = handler(good, None)["statusCode"]
    return {
        "inputs": count,
        "statuses": dict(sum(statuses.values(), Counter[int]())),
        "by_group": {group: dict(each) for group, each in statuses.items()},
        "server_errors": sum(n for each in statuses.values() for s, n in each.items() if s >= 500),
        "start_mb": round(start, 1),
        "above_start_mb": round(peak[0], 1),
        "largest": peak[1],
        "slowest_cpu_s": round(slowest[0], 3),
        "slowest": slowest[1],
        "longest_wall_s": round(longest, 3),
        "good_photo_afterwards": after,
        "failed": failed[:50],
        "as_expected": not failed and after == 200,
    }


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="with malformed/ and photos/")
    parser.add_argument("--mutations", type=int, default=20_000)
    given = parser.parse_args()
    if not (given.data / "malformed").is_dir():
        sys.exit(f"no folder malformed/ in {given.data}: name the folder that has it by --data")
    begun = time.monotonic()
    result = run(given.data, given.mutations)
    for group, statuses in result["by_group"].items():
        print(f"{group:20}", *(f"{n:6} x {status}" for status, n in sorted(statuses.items())))
    print(*result["failed"], sep="\n")
    result |= {"seconds": round(time.monotonic() - begun), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(result))
    sys.exit(0 if result["as_expected"] else 1)


if __name__ == "__main__":
    main()
