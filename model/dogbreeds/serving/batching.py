"""Collect requests that arrive while the network is busy into one batch."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Calls `process` with batches of the items that threads put one by one.

    It has no thread of its own: the first thread that puts an item while no batch is processed
    processes the queued items, its own among them, and the other threads return at once. So an
    item that arrives alone is processed immediately by its own thread, and the next batch collects
    while one is processed. The queue is unbounded: callers limit what they put.

    Parameters
    ----------
    process : callable
        Takes 1 to `size` items. An exception reaches the thread that called `put`, even if another
        thread's item caused it, so `process` must handle its own failures.
    size : int
        Maximum number of items in a batch.
    wait_s : float
        Maximum seconds that a first item waits for others.
    more_expected : callable
        Whether other items will arrive soon; an item waits only if so.
    """

    def __init__(
        self,
        process: Callable[[list[T]], None],
        size: int,
        wait_s: float = 0.0,
        more_expected: Callable[[], bool] = lambda: True,
    ) -> None:
        self._process, self._size = process, size
        self._wait_s, self._more_expected = wait_s, more_expected
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._processing = threading.Lock()

    def put(self, item: T) -> None:
        """Queue an item, from any thread; process what is queued unless another thread does."""
        self._items.put(item)
        # Checked again after each batch: an item put just before the release found the lock taken.
        while not self._items.empty() and self._processing.acquire(blocking=False):
            try:
                if batch := self._gather():
                    self._process(batch)
            finally:
                self._processing.release()

    def _gather(self) -> list[T]:
        batch: list[T] = []
        deadline = time.monotonic() + self._wait_s
        while len(batch) < self._size:
            timeout = deadline - time.monotonic() if batch and self._more_expected() else 0
            try:
                batch.append(self._items.get(timeout > 0, max(timeout, 0)))
            except queue.Empty:
                break
        return batch
