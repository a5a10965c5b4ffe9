"""Run functions with calls of an SDK in order; print each one's name and error as JSON.

It runs in a venv of an SDK, so it imports nothing of Kennel's. A script begins with a Table, has a
function with its decorator for each row, and ends with `run()`.
"""

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BUCKET = "sdk-data"
CODE = str(Path(__file__).with_name("digits"))
INSTANCE = "ml.m5.xlarge"
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


def pictures(count: int) -> NDArray[np.float32]:
    """Return the same random pictures of 8 by 8 pixels at each call."""
    return np.random.default_rng(0).random((count, 1, 8, 8)).astype("float32")


def refused(call: Callable[[], object]) -> str:
    """Return the message of the exception that a call must raise."""
    try:
        answer = call()
    except Exception as error:
        return str(error)
    raise AssertionError(f"received {answer}, expected an exception")
