"""Start, watch and end one process that holds the model."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dogbreeds.serving.frames import BEAT_SECONDS, Reply

PACKAGE_PARENT = Path(__file__).resolve().parents[2]  # the folder that holds `dogbreeds`
CLOSE_SECONDS = 3.0  # for a replica to end by itself
#: Beats that a replica may miss. A busy machine delays one by a second or two, and a photo by none:
#: a thread of its own sends them while the others work.
MAX_SILENT = 10
#: Beats during which none of its requests may get an answer: SageMaker gives up one after 60 s.
MAX_STUCK = 60


@dataclass
class Replica:
    """One running process and the requests that wait for it.

    Attributes
    ----------
    silent
        Beats that were due since it sent anything. They are counted, and not measured by a clock,
        so that a pause of the whole container does not make it look hung.
    stuck
        Beats that were due since it answered a request, while others waited.
    """

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pending: dict[int, asyncio.Future[Reply]] = field(default_factory=dict)
    ready: bool = False
    silent: int = 0
    stuck: int = 0

    @classmethod
    async def spawn(cls, arguments: Sequence[str]) -> "Replica":
        """Start a process with these arguments of `worker.py` after its file descriptor."""
        server_end, replica_end = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "dogbreeds.serving.worker", str(replica_end.fileno())),
                *arguments,
                pass_fds=[replica_end.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(),
            )
        except BaseException:
            server_end.close()
            raise
        finally:
            replica_end.close()
        reader, writer = await asyncio.open_connection(sock=server_end)
        return cls(process, reader, writer)

    async def kill_when_hung(self, beat_seconds: float = BEAT_SECONDS) -> None:
        """Wait until the replica, once it is ready, is silent or stuck; then kill it."""
        while self.silent < MAX_SILENT and self.stuck < MAX_STUCK:
            await asyncio.sleep(beat_seconds)
            self.silent += self.ready
            self.stuck = self.stuck + 1 if self.pending else 0
        print(
            f"replica hung: no sign of life for {self.silent} beats, no answer for {self.stuck}",
            file=sys.stderr,
        )
        self._kill()

    async def end(self) -> None:
        """Close the connection, at which the process ends; kill it if it does not."""
        self.writer.close()
        try:
            await asyncio.wait_for(self.process.wait(), CLOSE_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            self._kill()
            await self.process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


def _environment() -> dict[str, str]:
    """Return this process's environment, in which `-m dogbreeds` is the package of this file.

    The folder of a script is on the path of that script only: a replica of `model/server.py`, or
    of the `code/` of a package, needs it in PYTHONPATH. -P keeps out the working directory.
    """
    paths = [str(PACKAGE_PARENT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONSAFEPATH": "1",
        "OMP_NUM_THREADS": "1",  # NumPy's; OpenVINO has a setting of its own
    }
