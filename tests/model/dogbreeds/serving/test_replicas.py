"""The server's replicas: one is killed under load, and the queue overflows."""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dogbreeds.serving.replica import MAX_SILENT
from tests.model.serving import PATIENCE, Running, serving
from tests.processes import processes_with


def worker_of(running: Running) -> int:
    (worker,) = processes_with(b"dogbreeds.serving.worker", below=running.process.pid)
    return worker


def test_a_killed_replica_under_load_is_replaced(
    package: Path, tmp_path: Path, smoke_bytes: bytes
) -> None:
    log = tmp_path / "server.log"
    with serving(package, log) as running, ThreadPoolExecutor(4) as pool:
        running.wait_until_ready()
        stop = threading.Event()

        def load() -> Counter[int]:
            statuses: Counter[int] = Counter()
            while not stop.is_set():
                answer = running.invoke(smoke_bytes, "image/jpeg")  # never a broken connection
                if answer.status != 200:
                    assert answer.headers["retry-after"] == "1"
                statuses[answer.status] += 1
            return statuses

        loads = [pool.submit(load) for _ in range(4)]
        try:
            time.sleep(0.3)
            first = worker_of(running)
            os.kill(first, signal.SIGKILL)
            killed = time.monotonic()
            while running.request("GET", "/ping").status == 200:  # the death was noticed
                assert time.monotonic() < killed + PATIENCE
            statuses = running.wait_until_ready()
            assert worker_of(running) != first
            time.sleep(0.3)
        finally:
            stop.set()
        answered = sum((load.result() for load in loads), Counter())
    assert set(answered) == {200, 503}
    assert set(statuses) <= {200, 503}
    assert "replica died after" in log.read_text()


@pytest.mark.slow
def test_a_hung_replica_is_replaced(package: Path, tmp_path: Path, smoke_bytes: bytes) -> None:
    log = tmp_path / "server.log"
    with serving(package, log) as running, ThreadPoolExecutor(8) as pool:
        running.wait_until_ready()
        first = worker_of(running)
        os.kill(first, signal.SIGSTOP)
        started = time.monotonic()
        answers = list(pool.map(lambda _: running.invoke(smoke_bytes, "image/jpeg"), range(8)))
        assert MAX_SILENT - 1 < time.monotonic() - started < 2 * MAX_SILENT
        assert [answer.status for answer in answers] == [503] * 8
        assert {answer.headers["retry-after"] for answer in answers} == {"1"}
        running.wait_until_ready()
        assert worker_of(running) != first
        assert running.invoke(smoke_bytes, "image/jpeg").status == 200
    assert "replica hung: no sign of life for 10 beats" in log.read_text()


def test_no_replica_outlives_its_server(package: Path, tmp_path: Path) -> None:
    with serving(package, tmp_path / "server.log") as running:
        running.wait_until_ready()
        worker = worker_of(running)
        running.process.kill()
        running.process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/{worker}/cmdline").exists() and time.monotonic() < deadline:
            if not Path(f"/proc/{worker}/cmdline").read_bytes():
                break  # ended; its exit status has not been read yet
            time.sleep(0.05)
        assert time.monotonic() < deadline


def test_requests_beyond_the_queue_get_503(
    package: Path, tmp_path: Path, smoke_bytes: bytes
) -> None:
    with serving(package, tmp_path / "server.log", KENNEL_QUEUE="2") as running:
        running.wait_until_ready()
        with ThreadPoolExecutor(12) as pool:
            answers = list(
                pool.map(lambda _: running.invoke(smoke_bytes, "image/jpeg"), range(120))
            )
        assert {answer.status for answer in answers} == {200, 503}
        for answer in answers:
            if answer.status == 503:
                assert answer.headers["retry-after"] == "1"
                assert answer.json == {"error": "The queue is full; try again."}
        assert running.invoke(smoke_bytes, "image/jpeg").status == 200
