"""Show progress on a terminal, with rich."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


@dataclass(frozen=True)
class StateChange:
    """A state of the machine that the execution entered, or exited."""

    name: str
    exited: bool


#: Takes the changes of an execution's states, in order.
OnState = Callable[[StateChange], None]


@contextlib.contextmanager
def show_states(screen: Console) -> Iterator[OnState]:
    """Show a line for each state of an execution: a spinner until it is exited, and its time.

    Without a terminal the line is printed when the state is entered first, and has no end.
    """
    if not screen.is_terminal:
        yield _state_lines(screen)
        return
    columns = SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}")
    with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
        tasks: dict[str, TaskID] = {}

        def show(state: StateChange) -> None:
            if state.name not in tasks:
                tasks[state.name] = progress.add_task(state.name, total=1)
            progress.update(tasks[state.name], completed=int(state.exited))

        yield show


def _state_lines(screen: Console) -> OnState:
    shown: set[str] = set()
    started = time.monotonic()

    def show(state: StateChange) -> None:
        if not state.exited and state.name not in shown:
            shown.add(state.name)
            screen.print(f"{time.monotonic() - started:5.0f} s  {state.name}", highlight=False)

    return show


@contextlib.contextmanager
def show_bar(screen: Console, title: str, total: int) -> Iterator[Callable[[str, int], None]]:
    """Show a bar of `total` items; the function yielded takes a job's status and items done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
        task = progress.add_task(title, total=total)

        def show(status: str, done: int) -> None:
            progress.update(task, description=f"{title} {status}", completed=done)

        yield show
