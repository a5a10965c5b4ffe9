import threading

import pytest

from batching import Batcher


class Recorder:
    """Work that can be held up, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def __call__(self, batch: list[int]) -> None:
        self.began.set()
        assert self.go.wait(30)
        self.batches.append(batch)


@pytest.mark.parametrize(("size", "expected"), [(1, [1] * 10), (4, [1, 4, 4, 1]), (64, [1, 9])])
def test_what_comes_during_a_batch_is_the_next(size: int, expected: list[int]) -> None:
    work = Recorder()
    batcher = Batcher(work, size)
    batcher.put(0)
    assert work.began.wait(30)
    for item in range(1, 10):
        batcher.put(item)
    work.go.set()
    batcher.close()
    assert [len(batch) for batch in work.batches] == expected
    assert sum(work.batches, []) == list(range(10))  # noqa: RUF017  # a short list


def test_a_first_item_waits_for_company_when_told_to() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 2, wait_s=30)
    batcher.put(0)
    assert not work.began.wait(0.05)
    batcher.put(1)  # the batch is full: no reason to wait longer
    assert work.began.wait(30)
    batcher.close()
    assert work.batches == [[0, 1]]


def test_nobody_waits_for_company_that_is_not_coming() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 8, wait_s=3600, coming=lambda: False)
    batcher.put(0)
    assert work.began.wait(30)
    batcher.close()
    assert work.batches == [[0]]


def test_closing_works_off_the_rest_without_waiting() -> None:
    work = Recorder()
    work.go.set()
    batcher = Batcher(work, 8, wait_s=30)
    batcher.put(0)
    batcher.close()
    assert work.batches == [[0]]
