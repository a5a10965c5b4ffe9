"""The folder with the stored state of an offline cloud: two databases, verified at each start."""

import contextlib
import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kennel.cloud.runtime.rows import Rows
from kennel.cloud.runtime.state_errors import NotStored, missing, other_format
from kennel.errors import CannotStart

#: Error of an execution that ran when the cloud ended.
INTERRUPTED = "OfflineCloud.Interrupted"

#: Files of format 1, which had no number.
_FORMAT_1 = ("sagemaker.sqlite", "index.json")


@dataclass(frozen=True)
class State:
    """The stored state of an offline cloud, which survives a restart.

    Attributes
    ----------
    services
        State of the services which Kennel emulates itself.
    moto
        File of what moto holds, in the form of moto's own classes; None keeps nothing.
    restored
        Whether it is of an earlier cloud.
    """

    services: Rows
    moto: Path | None
    restored: bool = False


@contextlib.contextmanager
def open_state(folder: Path | None, fresh: bool = False) -> Iterator[State]:
    """Hold a state folder while the block runs; both files are verified, and made when absent.

    Parameters
    ----------
    folder
        None keeps everything in memory.
    fresh
        Empty the folder first.

    Raises
    ------
    CannotStart
        Another offline cloud holds the folder; or a file is missing, damaged or of another
        version. The message says what to do.
    """
    if folder is None:
        yield State(Rows(None), None)
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_lock(folder))
            if fresh:
                for path in set(folder.iterdir()) - {folder / "lock"}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            state = _open(folder)
        except (NotStored, sqlite3.Error, OSError) as error:
            raise CannotStart(f"the state in {folder} cannot be used: {error}") from error
        yield state


def _open(folder: Path) -> State:
    for name in _FORMAT_1:
        if (folder / name).exists():
            raise other_format(folder / name, 1)
    services, moto = folder / "services.sqlite", folder / "moto.sqlite"
    if services.exists() and not moto.exists():
        raise missing(moto, folder)
    with contextlib.closing(Rows(moto)) as rows:
        if rows.kinds() - {"format"} and not services.exists():
            raise missing(services, folder)
        now = version("moto")  # another version may not understand what this one holds
        before = rows.get("format", "moto")
        if before is None:
            rows.put("format", "moto", now.encode())
        elif before != now.encode():
            raise other_format(moto, f"moto {before.decode()}", f"moto {now}")
    return State(Rows(services), moto, restored=before is not None)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    folder.mkdir(0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another offline cloud runs with the state in {folder}: `kennel down` ends it"
            ) from None
        yield
