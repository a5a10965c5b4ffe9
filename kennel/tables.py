"""Tables for people, and the photos that a person names."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from kennel.client import MEDIA_TYPES, Answer
from kennel.errors import KennelError


def photos_of(places: Iterable[Path]) -> list[Path]:
    """Return the photos named, and those anywhere in the folders named, sorted within each.

    Raises
    ------
    KennelError
        For a place that does not exist, or a folder without a photo.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = [file for file in place.rglob("*") if file.suffix.lower() in MEDIA_TYPES]
            if not inside:
                raise KennelError(
                    f"{place} holds no photo: expected files ending in {', '.join(MEDIA_TYPES)}"
                )
            found += sorted(inside)
        elif place.is_file():
            found.append(place)
        else:
            raise KennelError(f"{place} does not exist: name a photo or a folder of photos")
    return found


def answers_table(answers: Sequence[Answer]) -> Table:
    """Return the answers as a table: photo, breed, probability, is it a dog, milliseconds."""
    table = Table("photo", "breed", title_justify="left")
    table.add_column("probability", justify="right")
    table.add_column("dog?")
    table.add_column("ms", justify="right")
    for answer in answers:
        if answer.problem:
            row = [f"[red]{answer.status}: {answer.problem}", "", ""]
        else:
            breed, probability = answer.breeds[0]
            dog = "[green]yes" if answer.is_dog else "no"
            row = [breed, f"{probability:.2f}", dog] if answer.is_dog else ["[dim]-", "", dog]
        table.add_row(answer.photo, *row, f"{answer.milliseconds:.0f}")
    return table
