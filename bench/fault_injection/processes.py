"""Kill and stop the endpoint's processes, and let environments of functions become idle."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from fault_injection.case import case
from fault_injection.cloud import KennelUp, one, wait_until
from fault_injection.load import Load

SERVER, WORKER, ENVIRONMENT = "model/server.py", "dogbreeds.serving.worker", "aws-lambda-rie"


def _signal(cloud: KennelUp, load: Load, word: str, number: signal.Signals) -> None:
    """Send a signal to a process of the endpoint, and wait until another one answers photos."""
    pid = one(cloud, word)
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
