"""Progress as it stands at the end: without a terminal rich prints only that."""

import io

from rich.console import Console

from kennel.progress import show_bar, show_states


def test_each_state_has_one_line_with_a_tick_once_it_is_exited() -> None:
    output = io.StringIO()
    with show_states(Console(file=output, width=80)) as show:
        for exited in (False, True, False, True):  # an execution may enter a state again
            show("Wait", exited=exited)
        show("Release", exited=False)
    wait, release = output.getvalue().strip().splitlines()
    assert wait.startswith("✓ Wait")
    assert "Release" in release
    assert "✓" not in release


def test_a_bar_shows_the_status_and_the_number_done() -> None:
    output = io.StringIO()
    with show_bar(Console(file=output, width=80), "job-1", 4) as show:
        show("InProgress", 1)
        show("Completed", 4)
    assert "job-1 Completed" in output.getvalue()
    assert "4/4" in output.getvalue()
