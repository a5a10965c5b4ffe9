"""Pass requests to the processes that hold the model, and replace those that die or hang.

A request whose replica dies raises `ReplicaDied`, which the server turns into an answer: the
connection to the client belongs to the server, so it does not break.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count

from dogbreeds.package.card import PackageError
from dogbreeds.serving.frames import READY, REPLY, Reply, Request
from dogbreeds.serving.replica import Replica

STABLE_SECONDS = 30.0  # a replica that lived this long resets the count of restarts
MAX_RESTARTS = 5  # in a row; then the server ends, and SageMaker restarts the container


class ReplicaDied(RuntimeError):  # noqa: N818
    """No replica can answer this request: the one that had it died, or none is ready."""


class Replicas:
    """A fixed number of replicas of one model.

    Parameters
    ----------
    arguments : sequence of str
        The arguments of `worker.py` after its file descriptor.
    number : int
        Replicas to keep running.
    on_failure : callable
        Called with the reason when no replica can be kept running; nothing restarts after that.
    """

    def __init__(
        self, arguments: Sequence[str], number: int, on_failure: Callable[[Exception], None]
    ) -> None:
        self._arguments, self._number, self._on_failure = arguments, number, on_failure
        self._live: list[Replica] = []
        self._request_numbers = count(READY + 1)
        self._tasks: list[asyncio.Task[None]] = []
        self.label = ""  # the model's, once a replica is ready

    @property
    def ready(self) -> bool:
        """Whether at least one replica is ready."""
        return any(replica.ready for replica in self._live)

    def start(self) -> None:
        """Start the replicas and keep them running; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._keep_running()) for _ in range(self._number)]
        for task in self._tasks:
            task.add_done_callback(self._on_task_done)

    async def infer(self, content_type: str, body: bytes, parameters: str = "") -> Reply:
        """Send a request to the replica with the fewest pending ones, and return its reply.

        Raises
        ------
        ReplicaDied
            No replica is ready, or the one that had the request died.
        """
        ready = [replica for replica in self._live if replica.ready]
        if not ready:
            raise ReplicaDied("no replica is ready")
        replica = min(ready, key=lambda candidate: len(candidate.pending))
        number = next(self._request_numbers)
        replica.pending[number] = asyncio.get_running_loop().create_future()
        try:
            replica.writer.write(Request(number, content_type, body, parameters).head())
            replica.writer.write(body)
            await replica.writer.drain()
            return await replica.pending[number]
        except ConnectionError as error:
            raise ReplicaDied("the replica died") from error
        finally:
            replica.pending.pop(number, None)

    async def close(self) -> None:
        """End all replicas."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._on_failure(error)

    async def _keep_running(self) -> None:
        restarts = 0
        while True:
            started = time.monotonic()
            was_ready = await self._run_once()
            if not was_ready and not self.label:
                raise PackageError(
                    "the process that loads the model ended before it was ready; "
                    "its reason is above."
                )
            lifetime = time.monotonic() - started
            restarts = 1 if was_ready and lifetime > STABLE_SECONDS else restarts + 1
            if restarts > MAX_RESTARTS:
                raise PackageError(f"a replica died {restarts} times in a row.")
            print(f"replica died after {lifetime:.1f} s; starting another", file=sys.stderr)

    async def _run_once(self) -> bool:
        """Run one process from start to end; return whether it was ever ready."""
        replica = await Replica.spawn(self._arguments)
        self._live.append(replica)
        watching = asyncio.create_task(replica.kill_when_hung())
        try:
            await self._receive(replica)
        finally:
            watching.cancel()
            was_ready, replica.ready = replica.ready, False
            self._live.remove(replica)
            for future in replica.pending.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the replica died"))
            await replica.end()
        return was_ready

    async def _receive(self, replica: Replica) -> None:
        """Resolve pending requests by the replica's replies until the process ends."""
        while True:
            try:
                number, status, size = REPLY.unpack(await replica.reader.readexactly(REPLY.size))
                body = await replica.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            replica.silent = 0
            if number != READY:
                future = replica.pending.get(number)
                if future and not future.done():  # there is none for a beat
                    replica.stuck = 0
                    future.set_result(Reply(number, status, body))
            elif status == 200:  # noqa: PLR2004  # HTTP's OK
                self.label, replica.ready = body.decode(), True
                print(f"ready: {self.label}", flush=True)
            else:
                raise PackageError(body.decode())
