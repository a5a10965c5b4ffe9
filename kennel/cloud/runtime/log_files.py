"""Bound the size of log files while processes go on writing to them."""

import asyncio
import os
import shutil
from pathlib import Path

LOG_BYTES = 10 * 2**20  # of one file; as much again is in its predecessor
_SECONDS = 5.0


def predecessor(log: Path) -> Path:
    """Return the file that has what was cut off a log the last time."""
    return log.with_name(f"{log.name}.1")


def cut_logs(folder: Path, most: int = LOG_BYTES) -> None:
    """Move the content of each log that is larger than `most` bytes to its predecessor.

    The processes append to their files (O_APPEND), so that they go on at the new end. A line that
    is written between copy and cut is lost.
    """
    for log in folder.rglob("*.log"):
        if log.stat().st_size > most:
            shutil.copyfile(log, predecessor(log))
            os.truncate(log, 0)


async def keep_cutting(folder: Path) -> None:
    """Cut large logs every few seconds, until cancelled."""
    while True:
        await asyncio.sleep(_SECONDS)
        await asyncio.to_thread(cut_logs, folder)
