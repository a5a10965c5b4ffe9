"""Kill and stop processes of the endpoint and of functions, or let them become idle."""

import contextlib
import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from fault_injection.case import case
from fault_injection.cloud import KennelUp
from fault_injection.expectations import expect, wait_until
from fault_injection.load import Load

SERVER, WORKER, ENVIRONMENT = "model/server.py", "dogbreeds.serving.worker", "aws-lambda-rie"
CLASSIFIER, MOTO = "classify.app.handler", "moto_backend.app"


def _signal(cloud: KennelUp, load: Load, word: str, number: signal.Signals) -> None:
    """Send a signal to a process of the endpoint, and wait until another one answers photos."""
    pid = cloud.one_pid(word)
    load.fault()
    os.kill(pid, number)
    wait_until(lambda: pid not in cloud.pids(word), "end of the process")
    load.until_steady()


@case("worker SIGKILL")
def worker_killed(cloud: KennelUp, load: Load) -> str:
    """Answer 503 with Retry-After; start another one."""
    _signal(cloud, load, WORKER, signal.SIGKILL)
    load.expect_only(503)
    return "another worker of the same server"


@case("server SIGKILL")
def server_killed(cloud: KennelUp, load: Load) -> str:
    """Answer 503 with Retry-After; start another one."""
    _signal(cloud, load, SERVER, signal.SIGKILL)
    load.expect_only(503)
    return "another server"


@case("worker SIGSTOP")
def worker_hung(cloud: KennelUp, load: Load) -> str:
    """Replace it after ten missed beats; answer 503 with Retry-After meanwhile."""
    _signal(cloud, load, WORKER, signal.SIGSTOP)
    load.expect_only(503)
    return "another worker of the same server"


def _pause(cloud: KennelUp, load: Load, word: str, seconds: float) -> None:
    """Stop a process for some seconds, and wait until photos are answered by the same one."""
    pid = cloud.one_pid(word)
    load.fault()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
    load.until_steady()
    expect(cloud.pids(word) == [pid], "another process was started")
    load.expect_only()


@case("worker SIGSTOP for 4 s")
def worker_paused(cloud: KennelUp, load: Load) -> str:
    """Answer every request, late; keep the worker."""
    _pause(cloud, load, WORKER, 4)
    return "the same worker goes on"


@case("moto's process SIGSTOP for 15 s")
def moto_paused(cloud: KennelUp, load: Load) -> str:
    """Answer every photo meanwhile; go on without a restart."""
    _pause(cloud, load, MOTO, 15)
    return f"the same process goes on; then {cloud.release()}"


@case("server SIGSTOP")
def server_hung(cloud: KennelUp, load: Load) -> str:
    """Replace it after five failed pings; answer 503 or 504 meanwhile."""
    _signal(cloud, load, SERVER, signal.SIGSTOP)
    load.expect_only(503, 504)
    return "another server"


@case("a burst, then fifteen idle minutes")
def burst(cloud: KennelUp, load: Load) -> str:
    """End idle environments of functions."""
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(load.send, range(60)))
    load.expect_only(429, 503)  # beyond the usage plan, and beyond the function's concurrency
    before = len(cloud.pids(ENVIRONMENT))
    load.begin()
    cloud.control("POST", "clock", {"skip": 900})
    wait_until(lambda: len(cloud.pids(ENVIRONMENT)) <= 4, "end of idle environments", 60)
    load.until_steady()
    load.expect_only()
    return f"{before} environments, then {len(cloud.pids(ENVIRONMENT))}"


@case("environment of the classifier SIGKILL in a request")
def environment_killed(cloud: KennelUp, load: Load) -> str:
    """Answer 502 to the request in it, and start another one."""
    worker = cloud.one_pid(WORKER)
    os.kill(worker, signal.SIGSTOP)  # so that there are requests in the function
    wait_until(lambda: load.waiting() == load.clients, "requests in the function", 10)
    time.sleep(0.5)
    pids = cloud.pids(CLASSIFIER)
    load.fault()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os.kill(worker, signal.SIGCONT)
    load.until_steady()
    load.expect_only(502)
    failed = len(load.failed())
    expect(failed == load.clients, f"{failed} requests failed, expected {load.clients}")
    expect(not set(pids) & set(cloud.pids(CLASSIFIER)), "a killed environment runs")
    return "a new environment"


@case("the classifier over its memory, 128 MB instead of 1,769")
def over_memory(cloud: KennelUp, load: Load) -> str:
    """Answer 502 to the photo that needs more memory, 200 to others; start a new environment."""
    before = cloud.function("Classify")
    cloud.configure(before["FunctionName"], MemorySize=128)
    load.until_steady()
    load.fault()
    answer = load.send_body(_large_png(), "image/png")
    cloud.configure(before["FunctionName"], MemorySize=before["MemorySize"])
    expect(answer.status == 502, f"the photo got {answer.status} {answer.answer[:200]}")
    load.until_steady()
    again = load.send_body(_large_png(), "image/png")
    expect(again.status == 200, f"with more memory it got {again.status} {again.answer[:200]}")
    load.expect_only(502)
    failed = len(load.failed())
    expect(failed == 1, f"{failed} requests failed, expected one")
    return "502; with the memory back the same photo gets 200"


def _large_png() -> bytes:
    """Return a photo that takes more than 128 MB to decode: 50 megapixels with transparency."""
    png = io.BytesIO()
    Image.new("RGBA", (5_000, 10_000), (120, 90, 60, 200)).save(png, "PNG", compress_level=1)
    return png.getvalue()
