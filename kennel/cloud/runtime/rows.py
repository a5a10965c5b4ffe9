"""Byte strings in an SQLite file and files beside it, each with its checksum.

What is damaged is refused whole.
"""

import contextlib
import shutil
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from kennel.cloud.runtime.state_errors import FORMAT, NotStored, damaged, missing, other_format

#: What is kept free, so that work under way can store its end: new work is refused below it.
RESERVE_BYTES = 2**20

_FILE = "file"  # kind of the rows that describe files
_TABLE = """
create table kept (
    kind text, name text, value blob, checksum integer, primary key (kind, name)
)
"""


class Rows:
    """Byte strings by kind and name, in the order in which they were created.

    Large ones are files in a folder beside the database, which has a row for each. What a call
    has written survives SIGKILL. Nothing waits for the disk (no fsync): after a power cut
    something may be damaged, which the next start finds out.

    Parameters
    ----------
    file
        The database, made when absent. None keeps everything but files in memory.
    free_bytes
        Returns how much room the file's disk has; None asks the disk.
    verified
        Another process has verified the file, and nobody has changed it since.

    Raises
    ------
    CannotStart
        When a file is missing, damaged or of another format; the message names it and a remedy.
    """

    def __init__(
        self,
        file: Path | None,
        free_bytes: Callable[[], int] | None = None,
        *,
        verified: bool = False,
    ) -> None:
        self._file = file
        self._free_bytes = free_bytes or self._disk_free
        self._lock = threading.RLock()  # services use it from worker threads too
        self._written: list[Path] = []  # files of the transaction under way
        self._deleted: list[Path] = []
        if file and not file.exists():
            _create(file)
        self._database = _connect(file)
        weakref.finalize(self, self._database.close)  # for those in memory, which few close
        try:
            _set_up(self._database)
            if not file:
                self._database.execute(_TABLE)
            elif not verified:
                self._verify(file)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise damaged(file, str(error)) from error
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Store all changes of the block or none; one within another is a part of it.

        Raises
        ------
        NotStored
            When they cannot be stored.
        """
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            obsolete = self._deleted
            try:
                self._database.execute("begin immediate")
                yield
                self._database.execute("commit")
            except BaseException as error:
                obsolete = self._written
                with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself
                    self._database.execute("rollback")
                if isinstance(error, (sqlite3.Error, OSError)):
                    raise NotStored(self._file, str(error)) from error
                raise
            finally:
                for path in obsolete:
                    path.unlink(missing_ok=True)
                self._written, self._deleted = [], []

    def put(self, kind: str, name: str, value: bytes) -> None:
        """Store `value`; one of the same name is replaced and keeps its place in the order."""
        with self.transaction():
            self._database.execute(
                "insert into kept values (?, ?, ?, ?) on conflict (kind, name) "
                "do update set value = excluded.value, checksum = excluded.checksum",
                (kind, name, value, _checksum(kind, name, value)),
            )

    def delete(self, kind: str, name: str) -> None:
        """Delete the value of this kind and name, if there is one."""
        with self.transaction():
            self._database.execute("delete from kept where kind = ? and name = ?", (kind, name))

    def get(self, kind: str, name: str) -> bytes | None:
        """Return the value of this kind and name, or None."""
        with self._lock:
            row = self._database.execute(
                "select value from kept where kind = ? and name = ?", (kind, name)
            ).fetchone()
        return row[0] if row else None

    def all(self, kind: str) -> list[tuple[str, bytes]]:
        """Return all (name, value) of a kind, oldest first."""
        with self._lock:
            return self._database.execute(
                "select name, value from kept where kind = ? order by rowid", (kind,)
            ).fetchall()

    def put_file(self, name: str, content: bytes) -> None:
        """Store `content` in a file of a new name."""
        with self.transaction():
            self._files.mkdir(exist_ok=True)
            path = self._files / name
            self._written.append(path)
            path.write_bytes(content)
            self.put(_FILE, name, _description(content))

    def read_file(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self._files / name).read_bytes()

    def delete_file(self, name: str) -> None:
        """Delete a file."""
        with self.transaction():
            self.delete(_FILE, name)
            self._deleted.append(self._files / name)

    def kinds(self) -> set[str]:
        """Return the kinds of which there is a value."""
        with self._lock:
            return {kind for (kind,) in self._database.execute("select distinct kind from kept")}

    def refuse_if_full(self, size: int = 0) -> None:
        """Raise NotStored when there is no room for `size` bytes more."""
        if not self._file:
            return
        with self._lock:
            ((pages,),) = self._database.execute("pragma freelist_count")
            ((page_size,),) = self._database.execute("pragma page_size")
        if self._free_bytes() + pages * page_size < size + RESERVE_BYTES:
            raise NotStored(self._file, "the disk is full")

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def _files(self) -> Path:
        assert self._file  # noqa: S101 - nothing in memory has files
        return self._file.with_suffix(".files")

    def _disk_free(self) -> int:
        assert self._file  # noqa: S101 - the caller has checked
        return shutil.disk_usage(self._file.parent).free

    def _verify(self, file: Path) -> None:
        ((version,),) = self._database.execute("pragma user_version")
        if version == 0:
            raise damaged(file, "it is empty")
        if version != FORMAT:
            raise other_format(file, version)
        ((problem,),) = self._database.execute("pragma integrity_check(1)")
        if problem != "ok":
            raise damaged(file, problem)
        for kind, name, value, checksum in self._database.execute("select * from kept"):
            if not isinstance(value, bytes) or _checksum(kind, name, value) != checksum:
                raise damaged(file, f"the checksum of {kind} {name} differs")
        files = dict(self.all(_FILE))
        for name, description in files.items():
            path = self._files / name
            if not path.is_file():
                raise missing(path, file.parent)
            if _description(path.read_bytes()) != description:
                raise damaged(path, "its checksum differs", file.parent)
        if self._files.exists():
            for path in self._files.iterdir():
                if path.name not in files:  # of a change that was interrupted
                    path.unlink()


def _connect(file: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(
        file or ":memory:", isolation_level=None, check_same_thread=False, timeout=30
    )


def _set_up(database: sqlite3.Connection) -> None:
    # No write-ahead log: SQLite would drop the changes in a log that is cut, without a word.
    database.execute("pragma journal_mode = truncate")
    database.execute("pragma synchronous = off")


def _create(file: Path) -> None:
    """Make an empty database atomically, under its final name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with contextlib.closing(_connect(new)) as database:
        database.execute(_TABLE)
        database.execute(f"pragma user_version = {FORMAT}")
    new.replace(file)


def _checksum(kind: str, name: str, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(f"{kind}\0{name}\0".encode()))


def _description(content: bytes) -> bytes:
    return f"{len(content)} bytes, CRC-32 {zlib.crc32(content):08x}".encode()
