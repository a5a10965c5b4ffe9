"""The endpoint's server as a process of its own, started as SageMaker starts it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.cloud.runtime.processes import free_ports

SERVER = Path(__file__).resolve().parents[2] / "model" / "server.py"
PATIENCE = 60  # seconds; long enough for a busy machine


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Host:
    """A container or a process that answers on a port."""

    port: int
    ping: str = "/ping"
    invocations: str = "/invocations"

    def exit_status(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return None

    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(
                method, path, body, {"Content-Type": content_type} if content_type else {}
            )
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def invoke(self, body: bytes, content_type: str) -> Answer:
        return self.request("POST", self.invocations, body, content_type)

    def wait_until_ready(self, seconds: float = PATIENCE) -> list[int]:
        """Return the statuses of /ping on the way to 200."""
        statuses: list[int] = []
        deadline = time.monotonic() + seconds
        ended: int | None = None
        while time.monotonic() < deadline and ended is None:
            try:
                statuses.append(self.request("GET", self.ping).status)
            except (ConnectionError, http.client.HTTPException):
                pass
            else:
                if statuses[-1] == 200:
                    return statuses
            time.sleep(0.01)
            ended = self.exit_status()
        raise AssertionError(f"not ready; pings: {statuses}; exit status {ended}")


@dataclass
class Running(Host):
    process: subprocess.Popen[str] = field(kw_only=True)

    def exit_status(self) -> int | None:
        return self.process.poll()


@contextmanager
def serving(model_dir: Path, log: Path, **environment: str) -> Iterator[Running]:
    """Start the server on a free loopback port; end it with SIGTERM, then SIGKILL."""
    (port,) = free_ports(1)
    variables = {
        **os.environ,
        "SM_MODEL_DIR": str(model_dir),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "PYTHONWARNINGS": "error",
        **environment,
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), "serve"],
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield Running(port, process=process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
