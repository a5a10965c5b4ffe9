"""Measure the memory of a function's processes, and correct the emulator's REPORT lines by it.

The emulator reports the configured size as used. Lambda reports the most that the environment has
used in all its invocations so far:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

import math
import re

from kennel.cloud.runtime.processes import descendants, peak_resident_bytes, resident_bytes

_MB = 2**20
_USED = re.compile(rb"(?<=Max Memory Used: )\d+(?= MB)")


class PeakMemory:
    """The most memory that the processes below one have held at a time.

    Attributes
    ----------
    pid
        The process above them, once it has started: the emulator.
    limit
        MB beyond which they are killed; None for no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self.pid = 0
        self.limit = limit
        self._bytes = 0

    def processes_over_limit(self) -> list[int]:
        """Measure; return the processes if they hold more than the limit together."""
        pids = descendants(self.pid)
        held = sum(map(resident_bytes, pids))
        self._bytes = max(self._bytes, held)
        return pids if self.limit and held > self.limit * _MB else []

    def correct(self, line: bytes) -> bytes:
        """Return a line of the emulator's output, a REPORT with the memory that was used."""
        if not line.startswith(b"REPORT RequestId: "):
            return line
        peaks = sum(map(peak_resident_bytes, descendants(self.pid)))
        self._bytes = max(self._bytes, peaks)
        used = math.ceil(self._bytes / _MB)
        return _USED.sub(b"%d" % min(used, self.limit or used), line) if used else line
