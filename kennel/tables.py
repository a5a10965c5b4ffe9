"""Show answers as a table."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from kennel.answer import Answer
from kennel.photo_files import printable


def answers_table(answers: Sequence[Answer]) -> Table:
    """Return a table with the columns photo, breed, probability, dog?, milliseconds.

    Photos are named by their path below the folder that all of them share.
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
        if answer.problem:
            status = f"{answer.status}: " if answer.status else ""
            row = [Text(printable(f"{status}{answer.problem}"), "red"), Text(), Text()]
        elif answer.is_dog:
            breed, probability = answer.breeds[0]
            dog = Text(answer.dog or "yes", "yellow" if answer.dog == "perhaps" else "green")
            row = [Text(printable(breed)), Text(f"{probability:.2f}"), dog]
        else:
            row = [Text("-", "dim"), Text(), Text("no")]
        # Text, not str: rich takes [red] and :dog: in a str for markup.
        table.add_row(Text(printable(name)), *row, milliseconds)
    return table


def _below_shared_folder(paths: Sequence[str]) -> list[str]:
    folders = {str(Path(path).parent) for path in paths}
    try:
        shared = os.path.commonpath(folders)
    except ValueError:  # none, or relative and absolute ones
        return list(paths)
    return [str(Path(path).relative_to(shared)) for path in paths]
