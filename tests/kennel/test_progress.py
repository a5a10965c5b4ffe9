"""Progress as it stands at the end on a terminal, and line by line elsewhere."""

import io

from rich.console import Console

from kennel.progress import StateChange, show_bar, show_states


def test_on_a_terminal_each_state_has_one_line_with_a_tick_once_it_is_exited() -> None:
    output = io.StringIO()
    screen = Console(file=output, width=80, force_terminal=True, color_system=None)
    with show_states(screen) as show:
        for exited in (False, True, False, True):  # an execution may enter a state again
            show(StateChange("Wait", exited=exited))
        show(StateChange("Release", exited=False))
    wait, release = [line for line in output.getvalue().splitlines() if "0:00" in line][-2:]
    assert "✓ Wait" in wait
    assert "Release" in release
    assert "✓" not in release


def test_in_a_file_each_state_has_one_line_as_soon_as_it_is_entered() -> None:
    output = io.StringIO()
    with show_states(Console(file=output, width=80)) as show:
        show(StateChange("Wait", exited=False))
        assert output.getvalue().split() == ["0", "s", "Wait"]
        for exited in (True, False, True):
            show(StateChange("Wait", exited=exited))
        show(StateChange("Release", exited=False))
        assert [line.split()[-1] for line in output.getvalue().splitlines()] == ["Wait", "Release"]


def test_a_bar_shows_the_status_and_the_number_done() -> None:
    output = io.StringIO()
    with show_bar(Console(file=output, width=80), "job-1", 4) as show:
        show("InProgress", 1)
        show("Completed", 4)
    assert "job-1 Completed" in output.getvalue()
    assert "4/4" in output.getvalue()
