"""Show the API's answers as a table."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from kennel.client import Answer


def answers_table(answers: Sequence[Answer]) -> Table:
    """Return a table with the columns photo, breed, probability, dog?, milliseconds."""
    table = Table("photo", "breed", title_justify="left")
    table.add_column("probability", justify="right")
    table.add_column("dog?")
    table.add_column("ms", justify="right")
    for answer in answers:
        if answer.problem:
            row = [f"[red]{answer.status}: {escape(answer.problem)}", "", ""]
        else:
            breed, probability = answer.breeds[0]
            dog = "[green]yes" if answer.is_dog else "no"
            row = [breed, f"{probability:.2f}", dog] if answer.is_dog else ["[dim]-", "", dog]
        table.add_row(answer.photo, *row, f"{answer.milliseconds:.0f}")
    return table
