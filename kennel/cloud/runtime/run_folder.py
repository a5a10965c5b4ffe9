"""A folder for each running offline cloud, so that several share one checkout.

A cloud holds a lock on its folder while it runs. The kernel releases the lock of a process that
dies, so the next cloud can tell what is left over, whatever process ids have been used since.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

#: Name of the lock file in a run folder, and beside all of them.
_LOCK = "lock"
#: Seconds until the folder of a cloud that has ended is deleted: somebody may be reading its logs.
_KEPT_S = 3600


@contextlib.contextmanager
def run_folder(parent: Path, keep: bool = False) -> Iterator[Path]:
    """Make a run folder, hold it while the block runs, and remove it at the end.

    Folders that other clouds left more than an hour ago are removed first.

    Parameters
    ----------
    parent
        Holds the run folders; made when absent.
    keep
        Leave the folder at the end. It is also left after an error, which may name a log in it.

    Yields
    ------
    Path
        `parent`/<process id>-<random>.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with locked(parent / _LOCK):
            _remove_leftovers(parent)
            folder = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
            folder.mkdir()
            held.enter_context(locked(folder / _LOCK))
        try:
            yield folder
        except Exception:
            keep = True
            raise
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(file: Path, kind: int = fcntl.LOCK_EX) -> Iterator[IO[str]]:
    """Hold a lock on `file` while the block runs, waiting for it as long as it takes.

    Parameters
    ----------
    kind
        `fcntl.LOCK_EX` or `LOCK_SH`; with `| fcntl.LOCK_NB` it does not wait.

    Raises
    ------
    BlockingIOError
        With `LOCK_NB`, when another holds the lock.
    """
    with file.open("a") as lock:
        fcntl.flock(lock, kind)
        yield lock


def is_free(file: Path) -> bool:
    """Return whether nobody holds a lock on `file`; a file that is absent is free."""
    if not file.exists():
        return True
    try:
        with locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
    except BlockingIOError:
        return False


def _remove_leftovers(parent: Path) -> None:
    for folder in filter(Path.is_dir, parent.iterdir()):
        with contextlib.suppress(FileNotFoundError):  # its own cloud is removing it
            if is_free(folder / _LOCK) and time.time() - _last_change(folder) > _KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)


def _last_change(folder: Path) -> float:
    return max(each.stat().st_mtime for each in (folder, *folder.rglob("*")))
