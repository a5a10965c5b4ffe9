"""A model server that does not answer its pings is ended, one that is slow for a while is not."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.instance import MAX_FAILED_PINGS, Container, Instance
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import TINY, resolve_tiny_image

EVERY, TIMEOUT = 0.05, 0.2


@contextlib.asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Instance, "asyncio.Task[None]"]]:
    """A real server that is pinged often."""
    command = await resolve_tiny_image(TINY)
    assert command
    instance = await Instance.start(Container(command, None), folder / "log", Clock())
    waiting = asyncio.create_task(instance.wait(EVERY, TIMEOUT))
    try:
        yield instance, waiting
    finally:
        waiting.cancel()
        if instance.alive:
            os.kill(instance.pid, signal.SIGCONT)
        await instance.stop()


def test_server_that_hangs_is_killed(tmp_path: Path) -> None:
    async def run() -> None:
        async with watched(tmp_path) as (instance, waiting), asyncio.timeout(30):
            os.kill(instance.pid, signal.SIGSTOP)
            await waiting
            assert not instance.alive

    asyncio.run(run())


def test_server_that_hangs_for_a_moment_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with watched(tmp_path) as (instance, waiting):
            for _ in range(2):
                os.kill(instance.pid, signal.SIGSTOP)
                await asyncio.sleep((MAX_FAILED_PINGS - 2) * (EVERY + TIMEOUT))
                os.kill(instance.pid, signal.SIGCONT)
                await asyncio.sleep(1)
            assert instance.alive
            assert not waiting.done()

    asyncio.run(run())
