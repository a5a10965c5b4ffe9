"""Show answers as a table."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from kennel.answer import Answer
from kennel.photo_files import printable

_MOST_NAMED = 5  # breeds of a set


def answers_table(answers: Sequence[Answer], top: int = 1) -> Table:
    """Return a table with the columns photo, breed, probability, dog?, milliseconds.

    Photos are named by their path below the folder that all of them share. A dog has its `top`
    breeds, a line each, and below them those that it is one of.
    """
    table = Table(title_justify="left")
    table.add_column("photo", overflow="fold")
    table.add_column("breed", overflow="fold")
    table.add_column("probability", justify="right")
    table.add_column("dog?")
    table.add_column("ms", justify="right")
    names = _below_shared_folder([answer.photo for answer in answers])
    for name, answer in zip(names, answers, strict=True):
        milliseconds = f"{answer.milliseconds:.0f}" if answer.milliseconds else ""
        below: list[tuple[Text, str]] = []
        if answer.problem:
            status = f"{answer.status}: " if answer.status else ""
            row = [Text(printable(f"{status}{answer.problem}"), "red"), Text(), Text()]
        elif answer.is_dog:
            (breed, probability), *others = answer.breeds[:top]
            dog = Text(answer.dog or "yes", "yellow" if answer.dog == "perhaps" else "green")
            row = [Text(printable(breed)), Text(f"{probability:.2f}"), dog]
            # Rows of their own: a long name wraps, and its probability must stay beside it.
            below = [(Text(printable(other)), f"{share:.2f}") for other, share in others]
            if answer.likely and len(answer.likely) > 1:
                below.append((Text(f"one of {_any_of(answer.likely)}", "dim"), ""))
        else:
            row = [Text("-", "dim"), Text(), Text("no")]
        # Text, not str: rich takes [red] and :dog: in a str for markup.
        table.add_row(Text(printable(name)), *row, milliseconds)
        for breeds, shares in below:
            table.add_row("", breeds, shares)
    return table


def _any_of(breeds: Sequence[str]) -> str:
    """Return "A, B or C", or of many "A, B, C, D or 3 more"."""
    *first, last = map(printable, breeds)
    if len(breeds) > _MOST_NAMED:
        first, last = first[: _MOST_NAMED - 1], f"{len(breeds) - _MOST_NAMED + 1} more"
    return f"{', '.join(first)} or {last}"


def _below_shared_folder(paths: Sequence[str]) -> list[str]:
    folders = {str(Path(path).parent) for path in paths}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:  # none, or relative and absolute ones
        return list(paths)
    return [str(Path(path).relative_to(shared)) for path in paths]
