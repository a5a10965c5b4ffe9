"""moto's server, a child process: S3, Step Functions and every other service that is not ours.

It listens on a port of its own. MOTO_PORT names the gateway's, so that the calls which its Step
Functions interpreter makes (Lambda, SageMaker, S3) come back through the gateway.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from kennel.cloud.moto_backend.contract import KEY_VARIABLE
from kennel.cloud.runtime.processes import Child, free_ports
from kennel.errors import CannotStart
from kennel.paths import ROOT

START_SECONDS = 30.0
STOP_SECONDS = 10.0  # it stores logs and metrics at the end


@contextlib.asynccontextmanager
async def moto_server(
    gateway_port: int | None, logs: Path, key: str | None = None, state: Path | None = None
) -> AsyncIterator[str]:
    """Run moto while the block runs; yield its address once it answers.

    Parameters
    ----------
    gateway_port
        Where its Step Functions interpreter calls AWS; None for moto itself.
    logs
        Folder of its log file.
    key
        The access key that each call to it must be signed with; None for any.
    state
        File of what survives a restart, which exists; None forgets everything at the end.

    Raises
    ------
    CannotStart
        When it ends at start; with the last line of its log.
    """
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "kennel.cloud.moto_backend.app", str(port)]
    command += [str(state)] if state else []
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "MOTO_PORT": str(gateway_port or port),
        "PYTHONWARNINGS": "ignore",
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        **({KEY_VARIABLE: key} if key else {}),
    }
    child = await Child.start(command, env, logs / "moto.log", logs)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(client, child):
                    await asyncio.sleep(0.05)
        yield url
    finally:
        await child.stop(STOP_SECONDS)


async def _answers(client: httpx.AsyncClient, child: Child) -> bool:
    if child.exit_status is not None:
        raise CannotStart(f"moto's server ended at start: {child.last_lines(1)}")
    try:
        await client.get("/")
    except httpx.TransportError:
        return False
    return True
