"""Requests that wait together go through the network together."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Hands items that came singly to `work`, several at a time.

    It has no thread of its own: of the threads that put items, the first to find nobody at work
    works off what has gathered, its own item among it, and the others go on. So a lone item is
    worked on at once by the thread that brought it, and while one batch is worked on the next
    gathers. The queue's bound is its callers': they know whom to turn away.

    Parameters
    ----------
    work : callable
        Takes 1 to `size` items. What it raises reaches whoever put an item, be it another's, so it
        must deal with its own failures.
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
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._at_work = threading.Lock()

    def put(self, item: T) -> None:
        """Queue an item, from any thread; return when it is worked off or another thread will."""
        self._items.put(item)
        # Asked again after each batch: what came just before the lock was free found nobody idle.
        while not self._items.empty() and self._at_work.acquire(blocking=False):
            try:
                if batch := self._gather():
                    self._work(batch)
            finally:
                self._at_work.release()

    def _gather(self) -> list[T]:
        batch: list[T] = []
        deadline = time.monotonic() + self._wait_s
        while len(batch) < self._size:
            patience = deadline - time.monotonic() if batch and self._coming() else 0
            try:
                batch.append(self._items.get(patience > 0, max(patience, 0)))
            except queue.Empty:
                break
        return batch
