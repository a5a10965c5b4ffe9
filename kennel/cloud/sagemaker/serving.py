"""An instance behind an endpoint: the model's package, unpacked, and model/server.py over it.

On AWS the instance runs a container image whose content is model/ and the serving engine. Here
no image is pulled: the very same server runs as a process, with the same argument (`serve`) and
the same environment variables, on a port of loopback.
"""

import asyncio
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from kennel.cloud.processes import Child, free_ports
from kennel.paths import MODEL, PYTHON

#: The only image that the offline cloud can run.
OFFLINE_IMAGE = "kennel/serving:offline"

START_SECONDS = 60.0  # SageMaker gives a container longer; ours is ready in about 2 s
INVOKE_SECONDS = 60.0  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html


class CannotServe(Exception):  # noqa: N818
    """The instance did not become healthy; the message is the endpoint's FailureReason."""


class Instance:
    """One running model server."""

    def __init__(self, child: Child, client: httpx.AsyncClient, folder: TemporaryDirectory[str]):
        self._child = child
        self._client = client
        self._folder = folder

    @classmethod
    async def start(cls, package: Path, environment: Mapping[str, str], log: Path) -> "Instance":
        """Unpack `package` (a model.tar.gz), start the server, wait for a healthy ping.

        Raises
        ------
        CannotServe
            When the package is no archive, the server ends, or no ping succeeds in time.
        """
        folder = TemporaryDirectory(prefix="kennel-instance-")
        try:
            await asyncio.to_thread(_unpack, package, Path(folder.name))
            (port,) = free_ports(1)
            env = {
                "PATH": os.environ.get("PATH", os.defpath),
                **environment,
                "SM_MODEL_DIR": folder.name,
                "SAGEMAKER_BIND_TO_PORT": str(port),
                "KENNEL_HOST": "127.0.0.1",
            }
            child = await Child.start([PYTHON, MODEL / "server.py", "serve"], env, log, MODEL)
        except BaseException:
            folder.cleanup()
            raise
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=INVOKE_SECONDS, trust_env=False
        )
        instance = cls(child, client, folder)
        try:
            await instance._healthy()
        except BaseException:
            await instance.stop()
            raise
        return instance

    async def _healthy(self) -> None:
        """Ping until it answers 200, as SageMaker does."""
        try:
            async with asyncio.timeout(START_SECONDS):
                while self._child.exit_status is None:
                    if await self._pings():
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        reason = self._child.last_lines(1) or "no reason given"
        raise CannotServe(
            "The primary container for production variant did not pass the ping health check. "
            f"Its last line: {reason}"
        )

    async def _pings(self) -> bool:
        try:
            return (await self._client.get("/ping", timeout=2.0)).is_success
        except httpx.TransportError:
            return False

    async def invoke(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send one request to the model; raises httpx.TransportError when it does not answer."""
        return await self._client.post("/invocations", content=body, headers=dict(headers))

    async def stop(self) -> None:
        """End it as SageMaker ends a container: SIGTERM, then SIGKILL 30 s later."""
        await self._client.aclose()
        await self._child.stop()
        self._folder.cleanup()


def _unpack(package: Path, folder: Path) -> None:
    try:
        with tarfile.open(package, "r:gz") as archive:
            archive.extractall(folder, filter="data")  # refuses links and paths that lead out
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CannotServe(f"the model's package is not a readable tar.gz: {error}") from error
