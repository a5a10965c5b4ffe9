"""Run one instance of an endpoint: unpack the model's package and start a model server over it.

On AWS the instance runs a container image. Here no image is pulled: the command that stands for
the image runs as a process, with a container's environment variables, on a port of loopback.
"""

import asyncio
import contextlib
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.processes import Child, free_ports
from kennel.cloud.sagemaker.endpoints.images import Command

# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
PING_SECONDS = 2.0  # how long a ping may take
PING_EVERY = 5.0  # between two pings of a server that has started
INVOKE_SECONDS = 60.0  # how long an invocation may take

#: Pings that may fail in a row; the service says no number. A server needs some ten seconds to
#: replace a dead replica, and is kept meanwhile.
MAX_FAILED_PINGS = 5

#: Real seconds that a server may take to start, however fast the clock runs: starting is real.
GRACE_SECONDS = 60.0


class CannotServe(Exception):  # noqa: N818
    """The instance did not become healthy; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class Container:
    """The command, the model package and the limits of an instance.

    Attributes
    ----------
    command
        Starts the model server, as `docker run IMAGE serve` would.
    package
        The model.tar.gz; None for an image that contains its model.
    startup_seconds
        ContainerStartupHealthCheckTimeoutInSeconds, in offline seconds.
    grace_seconds
        The least startup time in real seconds.
    invoke_seconds
        Real seconds that an invocation may take.
    """

    command: Command
    package: Path | None
    environment: Mapping[str, str] = field(default_factory=dict)
    variant: str = "AllTraffic"
    startup_seconds: float = 600.0
    grace_seconds: float = GRACE_SECONDS
    invoke_seconds: float = INVOKE_SECONDS


class Instance:
    """One running model server.

    Attributes
    ----------
    in_flight
        Number of requests that wait for their answer.
    last_pick
        Sequence number of the last request that it was given.
    """

    def __init__(self, child: Child, client: httpx.AsyncClient, folder: TemporaryDirectory[str]):
        self._child = child
        self._client = client
        self._folder = folder
        self.in_flight = 0
        self.last_pick = 0

    @classmethod
    async def start(cls, container: Container, log: Path, clock: Clock) -> "Instance":
        """Unpack the package, start the server, wait for a healthy ping.

        Raises
        ------
        CannotServe
            When the package is no archive, the server ends, or no ping succeeds in time.
        """
        folder = TemporaryDirectory(prefix="kennel-instance-")
        base = Path(folder.name, "ml")  # /opt/ml of a container
        model = base / "model"
        try:
            model.mkdir(parents=True)
            if container.package:
                await asyncio.to_thread(_unpack, container.package, model)
            (port,) = free_ports(1)
            env = {
                "PATH": os.environ.get("PATH", os.defpath),
                **container.environment,
                "SAGEMAKER_BASE_DIR": str(base),
                "SM_MODEL_DIR": str(model),
                "SAGEMAKER_BIND_TO_PORT": str(port),
                "KENNEL_HOST": "127.0.0.1",
            }
            started = clock.now()
            child = await Child.start(container.command, env, log, model)
        except OSError as error:
            folder.cleanup()
            raise CannotServe(f"the model server cannot be started: {error}") from error
        except BaseException:
            folder.cleanup()
            raise
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=container.invoke_seconds,
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )
        instance = cls(child, client, folder)
        try:
            await instance._wait_until_healthy(container, clock, started)
        except BaseException:
            await instance.stop()
            raise
        return instance

    async def _wait_until_healthy(self, container: Container, clock: Clock, started: float) -> None:
        """Ping until the server answers 200, as SageMaker does."""
        loop = asyncio.get_running_loop()
        offline_deadline = started + container.startup_seconds
        real_deadline = loop.time() + container.grace_seconds
        while self.alive and (clock.now() < offline_deadline or loop.time() < real_deadline):
            if await self._ping():
                return
            await asyncio.sleep(0.05)
        reason = self._child.last_lines(1) or "no reason given"
        raise CannotServe(
            f"The primary container for production variant {container.variant} did not pass the "
            f"ping health check. Its last line: {reason}"
        )

    async def _ping(self, timeout: float = PING_SECONDS) -> bool:
        try:
            return (await self._client.get("/ping", timeout=timeout)).is_success
        except httpx.TransportError:
            return False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._child.exit_status is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    async def invoke(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send one request to the model server; httpx.TransportError when it does not answer."""
        self.in_flight += 1
        try:
            return await self._client.post("/invocations", content=body, headers=dict(headers))
        finally:
            self.in_flight -= 1

    async def wait(self, every: float = PING_EVERY, timeout: float = PING_SECONDS) -> None:
        """Ping until the process has ended; kill it when too many pings fail in a row.

        Parameters
        ----------
        every, timeout
            Real seconds between two pings, and for the answer to one.
        """
        ended = asyncio.ensure_future(self._child.wait())
        failed = 0
        try:
            while not (await asyncio.wait({ended}, timeout=every))[0]:
                failed = 0 if await self._ping(timeout) else failed + 1
                if failed == MAX_FAILED_PINGS and self.alive:
                    await self.kill()
        finally:
            ended.cancel()

    async def kill(self) -> None:
        """Kill the process, as a hardware failure would; `stop` must follow."""
        await self._child.stop(seconds=0)

    async def stop(self) -> None:
        """End the process as SageMaker ends a container: SIGTERM, then SIGKILL 30 s later."""
        await self._child.stop()
        await self._client.aclose()  # last: the server answers its open requests before it ends
        self._folder.cleanup()

    async def drain(self) -> None:
        """Wait until every open request is answered, for the longest time of an invocation."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INVOKE_SECONDS):
                while self.in_flight:
                    await asyncio.sleep(0.02)


def _unpack(package: Path, folder: Path) -> None:
    try:
        with tarfile.open(package, "r:gz") as archive:
            archive.extractall(folder, filter="data")  # refuses links and paths that lead out
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CannotServe(f"the model's package is not a readable tar.gz: {error}") from error
