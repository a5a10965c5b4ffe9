"""Handle SIGTERM (a spot instance is taken away) and Ctrl-C: at once, or between two steps."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_AGAIN_SECONDS = 10.0

_Handler = Callable[[int, FrameType | None], None]


class Interrupted(RuntimeError):  # noqa: N818  # nothing broke
    """A signal ended the training; the same command resumes it."""


class StopRequest:
    """Whether a signal has requested the end of the training."""

    def __init__(self) -> None:
        self.number: int | None = None  # of the first signal

    @property
    def requested(self) -> bool:
        """Whether the training is to end after the step in hand."""
        return self.number is not None

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first asks for the end, the same once more ends at once.

        A terminal's Ctrl-C may be followed by the SIGTERM of a parent process that got it too.
        """
        if self.number == number:
            raise KeyboardInterrupt(signal_name(number))
        if self.number is None:
            self.number = number
            name = signal_name(number)
            # print() must not be called here: the signal may have come within another print()
            os.write(
                2,
                f"{name}: the training ends after the step in hand and keeps a checkpoint; {name} "
                "again ends it at once, with the checkpoint of before.\n".encode(),
            )


def signal_name(number: int) -> str:
    """Return "Ctrl-C", or the name of another signal."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Yield a StopRequest that SIGTERM and SIGINT set while the block runs.

    A signal that comes after the last step is raised again when the block has ended. Outside the
    main thread, where Python takes no handlers, nothing sets it.
    """
    stop = StopRequest()
    with _handled_by(stop.request, SIGNALS):
        yield stop
    if stop.number is not None:
        signal.raise_signal(stop.number)


@contextmanager
def interrupt_on_signal(again_seconds: float = _AGAIN_SECONDS) -> Iterator[None]:
    """Raise KeyboardInterrupt with the signal's name where SIGTERM or SIGINT comes in the block.

    It is raised again every `again_seconds` until the block has ended. Once is not enough: Python
    ignores an exception in a destructor, and one that comes as a lock is taken leaves it taken, so
    that what cleans up would wait for it for ever.
    """
    first: int | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first
        first = first or number
        signal.setitimer(signal.ITIMER_REAL, again_seconds)
        raise KeyboardInterrupt(signal_name(first))

    with _handled_by(interrupt, (*SIGNALS, signal.SIGALRM)):
        try:
            yield
        except Exception as error:
            if first is None:
                raise
            # As of a lock that the signal left released: the error is a consequence.
            raise KeyboardInterrupt(signal_name(first)) from error
        finally:
            if first is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _handled_by(handler: _Handler, signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, before in old.items():
            signal.signal(number, before)
