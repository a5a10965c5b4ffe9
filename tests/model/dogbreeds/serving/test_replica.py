"""A replica is killed once it is silent or stuck, and never while it works."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from unittest.mock import create_autospec

import pytest

from dogbreeds.serving.frames import Reply
from dogbreeds.serving.replica import MAX_SILENT, MAX_STUCK, Replica

BEAT_SECONDS = 0.002


@contextlib.asynccontextmanager
async def watched(*, ready: bool, pending: bool) -> AsyncIterator[Replica]:
    """A process that does nothing, as a replica that is watched at a high speed."""
    process = await asyncio.create_subprocess_exec("sleep", "60")
    reader, writer = create_autospec(asyncio.StreamReader), create_autospec(asyncio.StreamWriter)
    replica = Replica(process, reader, writer, ready=ready)
    if pending:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        replica.pending[1] = future
    watching = asyncio.ensure_future(replica.kill_when_hung(BEAT_SECONDS))
    try:
        yield replica
    finally:
        watching.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("pending", [False, True])
def test_silent_replica_is_killed(pending: bool, capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        async with watched(ready=True, pending=pending) as replica, asyncio.timeout(10):
            assert await replica.process.wait() == -9

    asyncio.run(run())
    assert f"replica hung: no sign of life for {MAX_SILENT} beats" in capsys.readouterr().err


def test_replica_that_answers_none_of_its_requests_is_killed() -> None:
    async def run() -> None:
        async with watched(ready=True, pending=True) as replica, asyncio.timeout(10):
            while replica.process.returncode is None:
                replica.silent = 0  # it beats
                await asyncio.sleep(0)
            assert replica.stuck == MAX_STUCK

    asyncio.run(run())


@pytest.mark.parametrize(
    ("ready", "beats", "answers"),
    [(False, False, False), (True, True, False), (True, True, True)],
    ids=["loads", "has nothing to do", "answers slowly"],
)
def test_replica_that_works_is_kept(ready: bool, beats: bool, answers: bool) -> None:
    async def run() -> None:
        async with watched(ready=ready, pending=answers) as replica:
            for _ in range(2 * MAX_STUCK):
                replica.silent = 0 if beats else replica.silent
                replica.stuck = 0 if answers else replica.stuck
                await asyncio.sleep(BEAT_SECONDS)
            assert replica.process.returncode is None

    asyncio.run(run())
