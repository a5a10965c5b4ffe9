"""Signals between two steps of a training, and where nothing waits for a step."""

import contextlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from dogbreeds.finetune.interrupt import interrupt_on_signal, stop_on_signal


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_without_steps_it_ends_at_once(number: signal.Signals, name: str) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match=name), interrupt_on_signal():
        send(number)
    assert signal.getsignal(number) is before


def test_the_first_signal_asks_and_says_so_and_the_same_again_ends(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_on_signal(), stop_on_signal() as stop:
        assert not stop.requested
        send(signal.SIGINT)
        assert stop.requested
        said = capfd.readouterr().err
        assert said.startswith("Ctrl-C: the training ends after the step in hand and keeps")
        send(signal.SIGTERM)  # of a parent process that the terminal's Ctrl-C reached too
        assert capfd.readouterr().err == ""
        send(signal.SIGINT)
        raise AssertionError("the second Ctrl-C did not end it")


def test_a_signal_after_the_last_step_is_not_lost() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interrupt_on_signal():
        with stop_on_signal():
            send(signal.SIGTERM)
            steps.append("measured")
        steps.append("packaged")
    assert steps == ["measured"]


class SignalsAsItDies:
    def __del__(self) -> None:
        send(signal.SIGTERM)


def lose_it_in_a_destructor() -> None:
    SignalsAsItDies()


def lose_it_in_a_callback() -> None:
    weakref.finalize(threading.Event(), send, signal.SIGTERM)


def lose_it_in_a_library() -> None:
    with contextlib.suppress(BaseException):
        send(signal.SIGTERM)


@pytest.mark.parametrize(
    "lose", [lose_it_in_a_destructor, lose_it_in_a_callback, lose_it_in_a_library]
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_that_is_lost_is_raised_again(lose: Callable[[], None]) -> None:
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interrupt_on_signal(again_seconds=0.1):
        lose()
        time.sleep(60)
        raise AssertionError("the signal was lost")


def test_a_lock_that_stays_taken_does_not_stop_the_clean_up() -> None:
    """As a queue would keep its own, where a signal comes between taking it and using it."""
    lock, cleaned_up = threading.Lock(), False
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interrupt_on_signal(again_seconds=0.1):
        try:
            lock.acquire()
            send(signal.SIGTERM)
        finally:
            try:
                lock.acquire()
            finally:
                cleaned_up = True
    assert cleaned_up


def test_an_error_that_follows_from_the_signal_does_not_hide_it() -> None:
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interrupt_on_signal():
        try:
            send(signal.SIGTERM)
        finally:
            threading.Lock().release()  # of which Python says that it is not taken


def test_no_timer_stays() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt), interrupt_on_signal():
        send(signal.SIGTERM)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before
