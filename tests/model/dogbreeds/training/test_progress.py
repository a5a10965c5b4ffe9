import io

import pytest

from dogbreeds.training import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quick_work_shows_nothing() -> None:
    out = Terminal()
    with progress.Progress("auditing", 3, out) as bar:
        for _ in range(3):
            bar.step()
    assert out.getvalue() == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_long_work_shows_how_far_it_is(terminal: bool) -> None:
    clock = iter([0.0, *(float(second) for second in range(1, 41))])
    out = Terminal() if terminal else io.StringIO()
    with progress.Progress("auditing", 40, out, lambda: next(clock)) as bar:
        for _ in range(40):
            bar.step()
    text = out.getvalue()
    assert "auditing" in text and "20/40" in text if terminal else "2/40, 38 s left\n" in text
    assert text.endswith("\r") if terminal else text.count("\n") == 3
