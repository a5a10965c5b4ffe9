import threading
from collections.abc import Callable
from functools import partial

import pytest

from dogbreeds.serving.batching import Batcher


class Recorder:
    """Work that can be held up, and remembers its batches and who did them."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[int] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def __call__(self, batch: list[int]) -> None:
        self.began.set()
        assert self.go.wait(30)
        self.batches.append(batch)
        self.threads.append(threading.get_ident())


def in_thread(call: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


@pytest.mark.parametrize(("size", "expected"), [(1, [1] * 10), (4, [1, 4, 4, 1]), (64, [1, 9])])
def test_what_comes_during_a_batch_is_the_next(size: int, expected: list[int]) -> None:
    work = Recorder()
    batcher = Batcher(work, size)
    first = in_thread(lambda: batcher.put(0))
    assert work.began.wait(30)
    for item in range(1, 10):
        batcher.put(item)  # returns at once: somebody is at work
    work.go.set()
    first.join(30)
    assert [len(batch) for batch in work.batches] == expected
    assert sum(work.batches, []) == list(range(10))  # noqa: RUF017  # a short list


def test_a_lone_item_is_worked_off_by_the_thread_that_brought_it() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 8)
    batcher.put(0)
    assert work.batches == [[0]]
    assert work.threads == [threading.get_ident()]


def test_many_threads_lose_and_repeat_nothing() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 3)

    def put(first: int) -> None:
        for item in range(first, first + 250):
            batcher.put(item)

    for thread in [in_thread(partial(put, first)) for first in range(0, 2000, 250)]:
        thread.join(30)
    assert sorted(sum(work.batches, [])) == list(range(2000))  # noqa: RUF017
    assert {len(batch) for batch in work.batches} <= {1, 2, 3}


def test_a_first_item_waits_for_company_when_told_to() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 2, wait_s=30)
    first = in_thread(lambda: batcher.put(0))
    assert not work.began.wait(0.05)
    batcher.put(1)  # the batch is full: no reason to wait longer
    first.join(30)
    assert work.batches == [[0, 1]]


def test_nobody_waits_for_company_that_is_not_coming() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 8, wait_s=3600, coming=lambda: False)
    batcher.put(0)
    assert work.batches == [[0]]


def test_work_that_fails_leaves_the_next_to_be_done() -> None:
    done: list[int] = []

    def work(batch: list[int]) -> None:
        if batch == [0]:
            raise ValueError("the first fails")
        done.extend(batch)

    batcher = Batcher(work, 8)
    with pytest.raises(ValueError, match="the first fails"):
        batcher.put(0)
    batcher.put(1)
    assert done == [1]
