import threading
from collections.abc import Callable
from functools import partial

import pytest

from dogbreeds.serving.batching import Batcher


class Recorder:
    """Records batches and the threads that processed them; waits until `go` is set."""

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
def test_items_put_during_a_batch_are_the_next(size: int, expected: list[int]) -> None:
    process = Recorder()
    batcher = Batcher(process, size)
    first = in_thread(lambda: batcher.put(0))
    assert process.began.wait(30)
    for item in range(1, 10):
        batcher.put(item)  # returns at once: another thread processes
    process.go.set()
    first.join(30)
    assert [len(batch) for batch in process.batches] == expected
    assert sum(process.batches, []) == list(range(10))  # noqa: RUF017  # a short list


def test_a_lone_item_is_processed_by_its_own_thread() -> None:
    process = Recorder()
    process.go.set()
    batcher = Batcher(process, 8)
    batcher.put(0)
    assert process.batches == [[0]]
    assert process.threads == [threading.get_ident()]


def test_many_threads_lose_and_repeat_nothing() -> None:
    process = Recorder()
    process.go.set()
    batcher = Batcher(process, 3)

    def put(first: int) -> None:
        for item in range(first, first + 250):
            batcher.put(item)

    for thread in [in_thread(partial(put, first)) for first in range(0, 2000, 250)]:
        thread.join(30)
    assert sorted(sum(process.batches, [])) == list(range(2000))  # noqa: RUF017
    assert {len(batch) for batch in process.batches} <= {1, 2, 3}


def test_a_first_item_waits_for_others() -> None:
    process = Recorder()
    process.go.set()
    batcher = Batcher(process, 2, wait_s=30)
    first = in_thread(lambda: batcher.put(0))
    assert not process.began.wait(0.05)
    batcher.put(1)  # the batch is full: no reason to wait longer
    first.join(30)
    assert process.batches == [[0, 1]]


def test_no_item_waits_if_no_others_are_expected() -> None:
    process = Recorder()
    process.go.set()
    batcher = Batcher(process, 8, wait_s=3600, more_expected=lambda: False)
    batcher.put(0)
    assert process.batches == [[0]]


def test_a_failed_batch_does_not_block_the_next() -> None:
    done: list[int] = []

    def process(batch: list[int]) -> None:
        if batch == [0]:
            raise ValueError("the first fails")
        done.extend(batch)

    batcher = Batcher(process, 8)
    with pytest.raises(ValueError, match="the first fails"):
        batcher.put(0)
    batcher.put(1)
    assert done == [1]
