"""Signals between two steps of a training, and where nothing waits for a step."""

import os
import signal

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
