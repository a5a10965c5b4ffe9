import io
import time

import pytest

from dogbreeds.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [Terminal(), io.StringIO()])
def test_quick_work_shows_nothing(out: io.StringIO) -> None:
    with Progress("auditing", 3, out) as progress:
        for _ in range(3):
            progress.update()
    assert out.getvalue() == ""


def work(out: io.StringIO) -> str:
    """Take 40 steps of 2 ms, shown every 10 ms at most."""
    with Progress("auditing", 40, out, delay=0.001, interval=0.01) as progress:
        for _ in range(40):
            time.sleep(0.002)
            progress.update()
    return out.getvalue()


def test_a_terminal_shows_a_bar_in_one_line_and_clears_it() -> None:
    text = work(Terminal())
    assert "auditing: " in text and "/40, 00:00 left" in text and "#" in text
    assert "\n" not in text and text.endswith("\r")


def test_a_log_gets_whole_lines_now_and_then() -> None:
    lines = work(io.StringIO()).split("\n")
    assert lines.pop() == ""
    assert 1 <= len(lines) < 40
    assert all(line.startswith("auditing: ") and "/40, 00:0" in line for line in lines)
    assert not any("\r" in line for line in lines)
