"""Run moto's server as a child process: it answers for every service not emulated by Kennel itself.

It listens on a port of its own. MOTO_PORT names the gateway's, so that the calls which its Step
Functions interpreter makes (Lambda, SageMaker, S3) come back through the gateway.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx

from kennel.cloud.moto_backend.contract import HEALTH_PATH, KEY_VARIABLE
from kennel.cloud.runtime.processes import Child, free_ports
from kennel.errors import CannotStart, KennelError
from kennel.paths import ROOT

START_SECONDS = 120.0  # 4 s on an idle machine
STOP_SECONDS = 10.0  # it stores logs and metrics at the end
#: It is asked so often whether it answers, and may take so long; less than `STABLE_SECONDS`.
WATCH_SECONDS, ANSWER_SECONDS = 5.0, 8.0


@contextlib.asynccontextmanager
async def moto_server(
    gateway_port: int | None,
    logs: Path,
    key: str | None = None,
    state: Path | None = None,
    on_end: Callable[[KennelError], None] = lambda error: None,
    *,
    start_seconds: float = START_SECONDS,
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
    on_end
        Called when the process ends while the block runs. It is not started again: executions
        that it ran cannot go on, and the stack's resources in it would have to be recreated,
        which is what a start of the whole cloud does.

    start_seconds
        In which it must answer.

    Raises
    ------
    CannotStart
        When it ends at start, with the last line of its log, or does not answer in time.
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
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        **({KEY_VARIABLE: key} if key else {}),
    }
    child = await Child.start(command, env, logs / "moto.log", logs)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            try:
                async with asyncio.timeout(start_seconds):
                    while not await _answers(client, child):
                        await asyncio.sleep(0.05)
            except TimeoutError as error:
                raise CannotStart(
                    f"moto did not answer within {start_seconds:g} s of its start; try again when "
                    f"the machine is less busy, or see {child.log}"
                ) from error
        ending = asyncio.ensure_future(_report_end(child, on_end))
        try:
            yield url
        finally:
            ending.cancel()
    finally:
        await child.stop(STOP_SECONDS)


async def watch(url: str, key: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """Ask moto at an address, with its access key, whether it is well; until cancelled.

    Raises
    ------
    KennelError
        When it does not answer in time, or cannot store its state.
    """
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={key}/"}
    async with httpx.AsyncClient(
        headers=headers, timeout=ANSWER_SECONDS, trust_env=False, transport=transport
    ) as client:
        while True:
            try:
                answer = await client.get(f"{url}{HEALTH_PATH}")
            except httpx.TransportError as error:
                message = f"it did not answer within {ANSWER_SECONDS:.0f} s ({error!r})"
                raise KennelError(message) from error
            if not answer.is_success:
                raise KennelError(answer.text or f"it answered {answer.status_code}")
            await asyncio.sleep(WATCH_SECONDS)


async def _report_end(child: Child, on_end: Callable[[KennelError], None]) -> None:
    status = await child.wait()
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    on_end(
        KennelError(
            f"the offline cloud ends, since its process for S3, Step Functions and others (moto) "
            f"{how}: `kennel up` starts again with all that was stored, and {child.log} has the log"
        )
    )


async def _answers(client: httpx.AsyncClient, child: Child) -> bool:
    if child.exit_status is not None:
        raise CannotStart(f"moto's server ended at start: {child.last_lines(1)}")
    try:
        await client.get("/")
    except httpx.TransportError:
        return False
    return True
