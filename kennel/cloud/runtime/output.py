"""Copy what a child process prints to a log file, line by line."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

_BYTES = 65536  # of a read: what a pipe holds


class OutputCopy:
    """A pipe whose lines are appended to a log.

    Parameters
    ----------
    rewrite
        Returns the line to append in the place of one, both without their newline.

    Attributes
    ----------
    fd
        Where the child writes; closed by `started`.
    """

    def __init__(self, log: Path, rewrite: Callable[[bytes], bytes]) -> None:
        self._rewrite = rewrite
        self._file = log.open("ab")
        self._read, self.fd = os.pipe()
        os.set_blocking(self._read, False)
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self._copy)

    def started(self) -> None:
        """Close this process's writing end: the output then ends when the child does."""
        os.close(self.fd)

    def close(self) -> None:
        """Copy what is left, and end; later output of the child's own children is discarded."""
        while not self._file.closed and self._copy():
            pass
        if not self._file.closed:
            self._end()

    def _copy(self) -> bool:
        """Copy what can be read now; return whether there was anything."""
        try:
            data = os.read(self._read, _BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._end()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._file.writelines(self._rewrite(line) + b"\n" for line in lines)
        self._file.flush()
        return True

    def _end(self) -> None:
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self._file.write(self._rest)
        self._file.close()
