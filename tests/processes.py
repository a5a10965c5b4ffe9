"""Find processes that a test has started."""

import contextlib
import os
from pathlib import Path

from kennel.cloud.runtime.processes import descendants


def processes_with(text: bytes, file: str = "cmdline", below: int | None = None) -> list[int]:
    """Return the processes below one whose file of /proc has a text; those that end are left out.

    Parameters
    ----------
    file
        "cmdline" or "environ".
    below
        A process id; this process if None.
    """
    pids = []
    for pid in descendants(below or os.getpid()):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if text in Path(f"/proc/{pid}/{file}").read_bytes():
                pids.append(pid)
    return pids
