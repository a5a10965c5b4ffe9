"""Stored state of the services: JSON values by kind and name, in SQLite."""

import asyncio
import contextlib
import json
import threading
from pathlib import Path
from typing import Any

from kennel.cloud.runtime.rows import Rows
from kennel.cloud.runtime.state_errors import NotStored
from kennel.errors import KennelError

Json = dict[str, Any]
_RETRY_SECONDS = 1.0  # between two attempts to store what a full disk had no room for


class Store:
    """JSON values by kind and name, in the order in which they were created.

    Work under way is never stopped by a full disk: what cannot be stored stays in memory until
    there is room. `refuse_if_full` keeps new work from beginning meanwhile.

    Parameters
    ----------
    rows
        Where they are stored; a path stands for the file of that name, None for memory.
    """

    def __init__(self, rows: Rows | Path | None) -> None:
        self._rows = rows if isinstance(rows, Rows) else Rows(rows)
        self._lock = threading.RLock()
        #: Changes that are not stored yet; None for a deletion.
        self._unstored: dict[tuple[str, str], bytes | None] = {}

    @property
    def unstored(self) -> int:
        """The number of changes that there is no room for yet."""
        return len(self._unstored)

    def put(self, kind: str, name: str, value: Json) -> None:
        """Store `value`; one of the same name is replaced and keeps its place in the order."""
        self._change(kind, name, json.dumps(value).encode())

    def delete(self, kind: str, name: str) -> None:
        """Delete the value of this kind and name, if there is one."""
        self._change(kind, name, None)

    def get(self, kind: str, name: str) -> Json | None:
        """Return the value of this kind and name, or None."""
        with self._lock:
            key = (kind, name)
            value = self._unstored[key] if key in self._unstored else self._rows.get(kind, name)
        return None if value is None else json.loads(value)

    def all(self, kind: str) -> list[Json]:
        """Return all values of a kind, oldest first."""
        with self._lock:
            values: dict[str, bytes | None] = dict(self._rows.all(kind))
            values |= {name: value for (of, name), value in self._unstored.items() if of == kind}
        return [json.loads(value) for value in values.values() if value is not None]

    def refuse_if_full(self) -> None:
        """Raise NotStored when a change could not be stored."""
        self._flush()
        self._rows.refuse_if_full()

    async def run(self) -> None:
        """Store changes that had no room, until cancelled; raise NotStored while there is none."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            self._flush()

    def close(self) -> None:
        """Close the database.

        Raises
        ------
        KennelError
            When there are changes that could not be stored until now.
        """
        try:
            self._flush()
        except NotStored as error:
            raise KennelError(
                f"the last {len(self._unstored)} changes are lost: {error}"
            ) from error
        finally:
            self._rows.close()

    def _change(self, kind: str, name: str, value: bytes | None) -> None:
        with self._lock:
            self._unstored[kind, name] = value
            with contextlib.suppress(NotStored):
                self._flush()

    def _flush(self) -> None:
        with self._lock:
            if not self._unstored:
                return
            with self._rows.transaction():
                for (kind, name), value in self._unstored.items():
                    if value is None:
                        self._rows.delete(kind, name)
                    else:
                        self._rows.put(kind, name, value)
            self._unstored.clear()
