"""Requests that wait together go through the network together."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Hands items that came singly to `work`, several at a time.

    While one batch is worked on, the next gathers; an idle Batcher starts at once with what is
    there, unless told to wait. The queue's bound is its callers': they know whom to turn away.

    Parameters
    ----------
    work : callable
        Takes 1 to `size` items; runs in a thread of the Batcher's own. What it raises ends that
        thread, so it must deal with its own failures.
    size : int
        The most items in one batch.
    wait_s : float
        Seconds that a first item waits at most for company.
    coming : callable
        Whether company is on its way; where it is not, nobody waits.
    """

    def __init__(
        self,
        work: Callable[[list[T]], None],
        size: int,
        wait_s: float = 0.0,
        coming: Callable[[], bool] = lambda: True,
    ) -> None:
        self._work, self._size, self._wait_s, self._coming = work, size, wait_s, coming
        self._items: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Queue an item; from any thread."""
        self._items.put(item)

    def close(self) -> None:
        """Work off what was put, then end."""
        self._items.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._items.get()) is not None:
            batch, last = [first], False
            deadline = time.monotonic() + self._wait_s
            while len(batch) < self._size and not last:
                try:
                    patience = deadline - time.monotonic() if self._coming() else 0
                    item = self._items.get(patience > 0, max(patience, 0))
                except queue.Empty:
                    break
                if item is None:
                    last = True
                else:
                    batch.append(item)
            self._work(batch)
            if last:
                return
