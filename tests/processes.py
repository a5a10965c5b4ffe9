"""Find running processes by their command line or environment."""

import contextlib
from pathlib import Path

from kennel.cloud.runtime.processes import descendants


def processes_with(text: bytes, file: str = "cmdline", below: int | None = None) -> list[int]:
    """Return the ids of processes that have a text in a file of /proc.

    Processes that end during the search are left out.

    Parameters
    ----------
    file
        "cmdline" or "environ".
    below
        Search only the descendants of this process.
    """
    pids = []
    everything = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    for pid in everything if below is None else descendants(below):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if text in Path(f"/proc/{pid}/{file}").read_bytes():
                pids.append(pid)
    return pids
