"""Show progress on a terminal, with rich."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

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


class ShowState(Protocol):
    """Shows that an execution entered or exited a state."""

    def __call__(self, name: str, *, exited: bool) -> None:
        """Show a state as running, or as done if the execution exited it."""


@contextlib.contextmanager
def show_states(screen: Console) -> Iterator[ShowState]:
    """Show a line for each state of an execution: a spinner until it is exited, and its time.

    Without a terminal the line is printed when the state is entered first, and has no end.
    """
    if not screen.is_terminal:
        yield _state_lines(screen)
        return
    columns = SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}")
    with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
        tasks: dict[str, TaskID] = {}

        def show(name: str, *, exited: bool) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1)
            progress.update(tasks[name], completed=int(exited))

        yield show


def _state_lines(screen: Console) -> ShowState:
    shown: set[str] = set()
    started = time.monotonic()

    def show(name: str, *, exited: bool) -> None:
        if not exited and name not in shown:
            shown.add(name)
            screen.print(f"{time.monotonic() - started:5.0f} s  {name}", highlight=False)

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
