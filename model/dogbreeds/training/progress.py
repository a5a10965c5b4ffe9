"""Show on stderr how far a long step is: a bar on a terminal, a line now and then in a log.

    with Progress("auditing", 1400) as progress:
        progress.update()

Standard output is for results.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

DELAY = 2.0  # s; quicker work shows no bar
TERMINAL_INTERVAL = 0.2  # s between two states of the bar
LOG_INTERVAL = 15.0  # s between two lines of a log; quicker work writes none


class Progress(tqdm):  # type: ignore[misc]  # tqdm ships no types
    """tqdm, which in a log writes whole lines instead of overwriting one.

    Parameters
    ----------
    description : str
        The step: "auditing".
    total : int
        Number of updates to come.
    out : TextIO, optional
        stderr unless given.
    delay, interval : float, optional
        Seconds before the first state is shown, and between two.
    """

    monitor_interval = 0  # no thread of tqdm's own: worker processes are forked from this one

    def __init__(
        self,
        description: str,
        total: int,
        out: TextIO | None = None,
        *,
        delay: float = DELAY,
        interval: float | None = None,
    ) -> None:
        out = out or sys.stderr
        self._in_log = not out.isatty()
        bar = "" if self._in_log else "{bar:24} "
        super().__init__(
            desc=description,
            total=total,
            file=out,
            leave=False,
            delay=delay,
            mininterval=interval or (LOG_INTERVAL if self._in_log else TERMINAL_INTERVAL),
            miniters=1,
            bar_format=f"{{desc}}: {bar}{{n_fmt}}/{{total_fmt}}, {{remaining}} left",
        )

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Show the bar, or `msg` in its place; in a log, write a line and never clear one."""
        if not self._in_log:
            return bool(super().display(msg, pos))
        if msg is None:
            self.fp.write(f"{self}\n")
            self.fp.flush()
        return False


def say(text: str) -> None:
    """Print a line for the person who waits; standard output is for results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def cancelled_on_exit(pool: Executor) -> Iterator[None]:
    """Cancel what waits in `pool` when the block ends: Ctrl-C then ends it soon."""
    try:
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
