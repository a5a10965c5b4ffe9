"""Child processes that end with this one, and free ports."""

import asyncio
import contextlib
import ipaddress
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kennel.cloud.runtime.output import OutputCopy
from kennel.errors import CannotStart

STOP_SECONDS = 30.0  # between SIGTERM and SIGKILL: what SageMaker gives a container

# Below the ports of outgoing connections (from 32768 on Linux, 49152 on macOS), one of which could
# take a port before its server does.
_SERVER_PORTS = range(20_000, 32_000)
_DRAWS = 1_000

# The kernel misses one case: a parent that dies before setpriv has set the signal.
_ONLY_WITH_PARENT = ["sh", "-c", '[ "$PPID" = "$0" ] || exit 1; exec "$@"']


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Return `count` different TCP ports that nothing listens on at this moment.

    They are drawn at random, so that processes which ask at the same time get different ones.

    Raises
    ------
    CannotStart
        When nearly all ports are taken.
    """
    ports: list[int] = []
    for _ in range(_DRAWS):
        port = secrets.choice(_SERVER_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            ports += [port] if port not in ports else []
        if len(ports) == count:
            return ports
    raise CannotStart(f"no TCP port of {host} is free between 20000 and 31999: end some servers")


def secret_loopback_address() -> str:
    """Return one of the 16 million addresses of loopback, on Linux; 127.0.0.1 elsewhere.

    For a server that asks for no secret: a web page may try every port of 127.0.0.1, and cannot try
    every port of every address.
    """
    if sys.platform != "linux":
        return "127.0.0.1"
    return ".".join(map(str, (127, *(secrets.randbelow(254) + 1 for _ in range(3)))))


def listen(host: str, port: int) -> socket.socket:
    """Bind `port` (0: any free one) on `host`, so that a busy port fails the start at once.

    Raises
    ------
    CannotStart
        When the port is taken, or the address is public or not this machine's.
    """
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        address = ipaddress.IPv4Address(0)
    if address.is_unspecified or not address.is_private:
        raise CannotStart(
            f"cannot listen on {host!r}: expected 127.0.0.1 or a private IPv4 address of this "
            "machine (nothing here is meant for a public one)"
        )
    # The protocol is named, since asyncio sets TCP_NODELAY only where it is: without it every
    # second answer waits 40 ms for the client's delayed acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}): "
            "name another port with --port, or leave it out for a free one"
        ) from error
    return sock


def is_running(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, on Linux; none elsewhere."""
    pids: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = [int(each) for each in children.read_text().split()]
        except OSError:  # the process ended meanwhile
            continue
        for each in below:
            pids += [each, *descendants(each)]
    return pids


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 for one that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def peak_resident_bytes(pid: int) -> int:
    """Return the most memory that a process has held; 0 for one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)  # a zombie has none
    return int(peak[1]) * 1024 if peak else 0


class Child:
    """A child process with its output in a log file.

    It runs in a session of its own, so that Ctrl-C reaches only this process, which ends its
    children in order. When this process is killed, the kernel ends them (setpriv's parent-death
    signal).
    """

    def __init__(
        self, process: asyncio.subprocess.Process, log: Path, copy: OutputCopy | None = None
    ) -> None:
        self._process = process
        self._copy = copy
        self.log = log

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        log: Path,
        cwd: Path,
        rewrite: Callable[[bytes], bytes] | None = None,
    ) -> "Child":
        """Start `command` with exactly `env`, appending what it prints to `log`.

        Parameters
        ----------
        rewrite
            Returns the line to log in the place of one that it printed; None logs as it printed.
        """
        guard = []
        if shutil.which("setpriv"):
            guard = ["setpriv", "--pdeathsig", "TERM", "--", *_ONLY_WITH_PARENT, str(os.getpid())]
        log.parent.mkdir(parents=True, exist_ok=True)
        copy = OutputCopy(log, rewrite) if rewrite else None
        try:
            with log.open("ab") as out:
                process = await asyncio.create_subprocess_exec(
                    *guard,
                    *map(str, command),
                    env=dict(env),
                    cwd=cwd,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=copy.fd if copy else out,
                    stderr=copy.fd if copy else out,
                    start_new_session=True,
                )
        except BaseException:
            if copy:
                copy.close()
            raise
        finally:
            if copy:
                copy.started()
        return cls(process, log, copy)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until the process ends by itself; return its exit status."""
        return await self._process.wait()

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End the process: SIGTERM, then SIGKILL if it still runs after `seconds`."""
        try:
            await self._stop(seconds)
        finally:
            if self._copy:
                self._copy.close()

    async def _stop(self, seconds: float) -> None:
        if self.exit_status is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def last_lines(self, count: int = 5) -> str:
        """Return the end of its log, for an error message."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
