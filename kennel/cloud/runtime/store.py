"""Stored state of the services: JSON values by kind and name, in SQLite."""

import json
import sqlite3
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_TABLE = """
create table if not exists kept (
    kind text, name text, value text, primary key (kind, name)
)
"""


class Store:
    """JSON values by kind and name, in the order in which they were created.

    Parameters
    ----------
    file
        The database, made with its folder when absent. None keeps everything in memory.
    """

    def __init__(self, file: Path | None) -> None:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        # Services use it from worker threads too.
        self._database = sqlite3.connect(
            file or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._database.execute("pragma journal_mode = wal")
        self._database.execute(_TABLE)

    def put(self, kind: str, name: str, value: Json) -> None:
        """Store `value`; one of the same name is replaced and keeps its place in the order."""
        self._database.execute(
            "insert into kept values (?, ?, ?) "
            "on conflict (kind, name) do update set value = excluded.value",
            (kind, name, json.dumps(value)),
        )

    def get(self, kind: str, name: str) -> Json | None:
        """Return the value of this kind and name, or None."""
        row = self._database.execute(
            "select value from kept where kind = ? and name = ?", (kind, name)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def delete(self, kind: str, name: str) -> None:
        """Delete the value of this kind and name, if there is one."""
        self._database.execute("delete from kept where kind = ? and name = ?", (kind, name))

    def all(self, kind: str) -> list[Json]:
        """Return all values of a kind, oldest first."""
        rows = self._database.execute(
            "select value from kept where kind = ? order by rowid", (kind,)
        )
        return [json.loads(value) for (value,) in rows]

    def close(self) -> None:
        """Close the database."""
        self._database.close()
