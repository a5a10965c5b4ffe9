"""Keep the end of an invocation's log, for calls that ask for it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: LogType Tail, the last 4 KB.
"""

import asyncio
import contextlib
from collections.abc import Callable

_BYTES = 4096
_LONGEST_WAIT_SECONDS = 1.0  # for the line that ends a log, which comes just after the answer


class LogTail:
    """The end of the log of an environment's last invocation.

    Parameters
    ----------
    rewrite
        Returns a line as it is logged.
    """

    def __init__(self, rewrite: Callable[[bytes], bytes]) -> None:
        self._rewrite = rewrite
        self._text = b""
        self._complete = asyncio.Event()

    def add(self, line: bytes) -> bytes:
        """Take a line of the environment's output; return it as it is logged."""
        line = self._rewrite(line)
        if line.startswith(b"START RequestId: "):
            self._text = b""
            self._complete.clear()
        self._text = (self._text + line + b"\n")[-_BYTES:]
        if line.startswith(b"REPORT RequestId: "):
            self._complete.set()
        return line

    async def read(self) -> bytes:
        """Return the end of the log, once it is complete."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await self._complete.wait()
        return self._text
