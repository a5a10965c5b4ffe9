"""moto's server: S3, IAM, Step Functions, CloudWatch Logs, Application Auto Scaling.

It listens on a hidden port. MOTO_PORT names the gateway's, so that the calls which its Step
Functions interpreter makes (Lambda, SageMaker, S3) come back through the gateway.
"""

import asyncio
import os
import sys
from pathlib import Path

import httpx

from kennel.cloud.runtime.processes import Child
from kennel.errors import CannotStart
from kennel.paths import ROOT

START_SECONDS = 30.0


class MotoServer:
    """A running moto server.

    Attributes
    ----------
    url
        Where it listens, on loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self._child: Child | None = None

    async def start(self, gateway_port: int, logs: Path) -> None:
        """Start it, wait until it answers, and have it interpret state machines for real."""
        command = [sys.executable, "-m", "kennel.cloud.moto_backend.app", str(self._port)]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(ROOT),
            "MOTO_PORT": str(gateway_port),
            "PYTHONWARNINGS": "ignore",
        }
        child = self._child = await Child.start(command, env, logs / "moto.log", logs)
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(client, child):
                    await asyncio.sleep(0.05)
            await client.post(
                "/moto-api/config", json={"stepfunctions": {"execute_state_machine": True}}
            )

    async def stop(self) -> None:
        """End it."""
        if self._child:
            await self._child.stop(seconds=2.0)  # it keeps nothing that has to be saved


async def _answers(client: httpx.AsyncClient, child: Child) -> bool:
    if child.exit_status is not None:
        raise CannotStart(f"moto's server ended at start: {child.last_lines(1)}")
    try:
        return (await client.get("/moto-api/config")).is_success
    except httpx.TransportError:
        return False
