"""A spot machine that is taken away, or Ctrl-C: the step in hand ends, then state is saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(RuntimeError):  # noqa: N818  # nothing broke
    """The training was told to end, and can go on later."""


class Stop:
    """Whether a signal has asked for the end."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self.asked = True


@contextmanager
def listening() -> Iterator[Stop]:
    """Yield a Stop that SIGTERM and SIGINT set while the block runs.

    Outside the main thread, where Python takes no handlers, nothing sets it.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    old = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
