"""Handle SIGTERM (a spot instance is taken away) and Ctrl-C between two training steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(RuntimeError):  # noqa: N818  # nothing broke
    """A signal ended the training; the same command resumes it."""


class StopRequest:
    """Whether a signal has requested the end of the training."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        self.requested = True


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Yield a StopRequest that SIGTERM and SIGINT set while the block runs.

    Outside the main thread, where Python takes no handlers, nothing sets it.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    old = {number: signal.signal(number, stop.request) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
