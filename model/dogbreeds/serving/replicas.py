"""The processes that hold the model: started, asked, and started again when one dies.

A request whose replica dies gets a clean answer (`Gone`), never a broken connection: the
connection is the server's, and the server goes on.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from dogbreeds.package.card import PackageError
from dogbreeds.serving.frames import READY, REPLY, Reply, Request

PACKAGES = Path(__file__).resolve().parents[2]  # where `dogbreeds` lies
STABLE_SECONDS = 30.0  # a replica that lived this long was sound, so its restarts count anew
MOST_RESTARTS = 5  # in a row; then the server ends, and SageMaker starts the container anew
CLOSE_SECONDS = 3.0  # for a replica to end by itself


class Gone(RuntimeError):  # noqa: N818  # it is the replica that erred
    """There is no replica for this request just now: it died, or none is up yet."""


@dataclass
class _Replica:
    """One running process and the requests that wait for it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pending: dict[int, asyncio.Future[Reply]] = field(default_factory=dict)
    ready: bool = False


class Replicas:
    """A fixed number of replicas of one model.

    Parameters
    ----------
    arguments : sequence of str
        What `worker.py` gets after its file descriptor.
    number : int
        Replicas to keep up.
    on_failure : callable
        Told why, once no replica can be kept up; nothing restarts after that.
    """

    def __init__(
        self, arguments: Sequence[str], number: int, on_failure: Callable[[Exception], None]
    ) -> None:
        self._arguments, self._number, self._on_failure = arguments, number, on_failure
        self._live: list[_Replica] = []
        self._numbers = count(READY + 1)
        self._tasks: list[asyncio.Task[None]] = []
        self.label = ""  # the model's, once a replica is up

    @property
    def ready(self) -> bool:
        """Whether a request would find a replica."""
        return any(replica.ready for replica in self._live)

    @property
    def waiting(self) -> int:
        """Requests that were handed to replicas and are not answered yet."""
        return sum(len(replica.pending) for replica in self._live)

    def start(self) -> None:
        """Begin to keep the replicas up; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._keep_up()) for _ in range(self._number)]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def ask(self, content_type: str, body: bytes) -> Reply:
        """Hand a request to the replica with the fewest, and return its reply.

        Raises
        ------
        Gone
            No replica is up, or the one that had the request died.
        """
        ready = [replica for replica in self._live if replica.ready]
        if not ready:
            raise Gone("no replica is up")
        replica = min(ready, key=lambda one: len(one.pending))
        number = next(self._numbers)
        replica.pending[number] = asyncio.get_running_loop().create_future()
        try:
            replica.writer.write(Request(number, content_type, body).head())
            replica.writer.write(body)
            await replica.writer.drain()
            return await replica.pending[number]
        except ConnectionError as error:
            raise Gone("the replica died") from error
        finally:
            replica.pending.pop(number, None)

    async def close(self) -> None:
        """End all replicas."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._on_failure(error)

    async def _keep_up(self) -> None:
        restarts = 0
        while True:
            started = time.monotonic()
            was_ready = await self._one_life()
            if not was_ready and not self.label:
                raise PackageError(
                    "the process that loads the model ended before it was ready; "
                    "its reason is above."
                )
            lived = time.monotonic() - started
            restarts = 1 if was_ready and lived > STABLE_SECONDS else restarts + 1
            if restarts > MOST_RESTARTS:
                raise PackageError(f"a replica died {restarts} times in a row.")
            print(f"replica died after {lived:.1f} s; starting another", file=sys.stderr)

    async def _one_life(self) -> bool:
        """Run one process from start to end; return whether it was ever ready."""
        replica = await self._spawn()
        self._live.append(replica)
        try:
            await self._read(replica)
        finally:
            was_ready, replica.ready = replica.ready, False
            self._live.remove(replica)
            for future in replica.pending.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the replica died"))
            await _end(replica)
        return was_ready

    async def _spawn(self) -> _Replica:
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "dogbreeds.serving.worker"),
                str(theirs.fileno()),
                *self._arguments,
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGES), *_python_path()])),
                    "OMP_NUM_THREADS": "1",  # NumPy's; the engine has its own
                },
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        return _Replica(process, reader, writer)

    async def _read(self, replica: _Replica) -> None:
        """Pass replies on until the process ends."""
        while True:
            try:
                number, status, size = REPLY.unpack(await replica.reader.readexactly(REPLY.size))
                body = await replica.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if number != READY:
                future = replica.pending.get(number)
                if future and not future.done():
                    future.set_result(Reply(number, status, body))
            elif status == 200:  # noqa: PLR2004  # HTTP's OK
                self.label, replica.ready = body.decode(), True
                print(f"ready: {self.label}", flush=True)
            else:
                raise PackageError(body.decode())


def _python_path() -> list[str]:
    return os.environ.get("PYTHONPATH", "").split(os.pathsep)


async def _end(replica: _Replica) -> None:
    replica.writer.close()
    try:
        await asyncio.wait_for(replica.process.wait(), CLOSE_SECONDS)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            replica.process.kill()
        await replica.process.wait()
