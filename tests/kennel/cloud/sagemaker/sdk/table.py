"""Run a table of SDK calls in order, and print a line of JSON for each.

It runs in a venv of an SDK, so it imports nothing of Kennel's. A script begins with a Table, has a
function with its decorator for each row, and ends with `run()`.
"""

import json
import sys
import traceback
from collections.abc import Callable

BUCKET = "sdk-data"
ROLE = "arn:aws:iam::123456789012:role/sdk-work"


class Table:
    """The rows of a script, in order; each is a function that asserts what it gets."""

    def __init__(self) -> None:
        self._rows: list[Callable[[], object]] = []

    def __call__(self, row: Callable[[], object]) -> Callable[[], object]:
        self._rows.append(row)
        return row

    def run(self) -> None:
        for row in self._rows:
            error = ""
            try:
                row()
            except Exception:
                error = traceback.format_exc()[-3000:]
            print(f"ROW {json.dumps([row.__name__, error])}", file=sys.stderr, flush=True)


def refused(call: Callable[[], object]) -> str:
    """Return the message of the exception that a call must raise."""
    try:
        answer = call()
    except Exception as error:
        return str(error)
    raise AssertionError(f"received {answer}, expected an exception")
