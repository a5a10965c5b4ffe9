"""A line on stderr for work that takes longer than two seconds."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

_QUIET = 2.0  # s before anything is shown
_BETWEEN = {True: 0.2, False: 15.0}  # s between lines: on a terminal, and in a log file
_WIDTH = 24  # characters


class Progress:
    """Count steps; show them on a terminal as a bar, in a log as a line now and then.

    with Progress("auditing", 1400) as progress:
        progress.step()
    """

    def __init__(
        self,
        what: str,
        total: int,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total = what, total
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._done = 0
        self._clock, self._started = clock, clock()
        self._next = self._started + _QUIET
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def step(self) -> None:
        """Count one more."""
        self._done += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + _BETWEEN[self._terminal]
            self._show(now)

    def _show(self, now: float) -> None:
        self._shown = True
        filled = round(_WIDTH * self._done / max(self.total, 1))
        left = (now - self._started) / max(self._done, 1) * (self.total - self._done)
        bar = "█" * filled + "·" * (_WIDTH - filled) + " " if self._terminal else ""
        line = f"{self.what} {bar}{self._done:,}/{self.total:,}, {left:.0f} s left"
        self._out.write(f"\r{line:78}" if self._terminal else f"{line}\n")
        self._out.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown and self._terminal:
            self._out.write("\r" + " " * 78 + "\r")
            self._out.flush()


def say(text: str) -> None:
    """Print a line for the person who waits; standard output is for results."""
    print(text, file=sys.stderr, flush=True)
