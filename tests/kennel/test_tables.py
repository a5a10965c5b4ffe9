"""The table of answers, and the lines of what was left out."""

import os
from collections.abc import Sequence

import pytest
from rich.console import Console

from kennel.answer import Answer
from kennel.tables import answers_table


def rows(answers: Sequence[Answer], width: int = 100) -> list[list[str]]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(answers_table(answers))
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in capture.get().splitlines()
        if line.startswith("│")
    ]


def test_a_dog_no_dog_and_a_refused_photo_have_a_row_each() -> None:
    answers = [
        Answer("dog.jpg", True, [("Beagle", 0.876), ("Pug", 0.1)], 41.4, 200),
        Answer("fog.jpg", True, [("Pug", 0.5)], 9.0, 200, dog="perhaps", likely=["Pug", "Boxer"]),
        Answer("cat.jpg", False, [("Pug", 0.02)], 20.0, 200),
        Answer("bad.jpg", None, [], 5.0, 400, "broken [jpeg]"),
        Answer("gone.jpg", None, [], 0.0, None, "cannot be read"),
    ]
    assert rows(answers) == [
        ["dog.jpg", "Beagle", "0.88", "yes", "41"],
        ["fog.jpg", "Pug", "0.50", "perhaps", "9"],
        ["", "one of Pug or Boxer", "", "", ""],
        ["cat.jpg", "-", "", "no", "20"],
        ["bad.jpg", "400: broken [jpeg]", "", "", "5"],
        ["gone.jpg", "cannot be read", "", "", ""],
    ]


def test_more_breeds_have_a_line_each() -> None:
    breeds = [("Beagle", 0.6), ("Pug", 0.3), ("Boxer", 0.1)]
    likely = [f"Breed {number}" for number in range(7)]
    answers = [
        Answer("a.jpg", True, breeds, 1.0, 200, likely=["Beagle"]),
        Answer("b.jpg", True, breeds, 1.0, 200, likely=likely),
        Answer("c.jpg", False, breeds, 1.0, 200, likely=likely),
    ]
    assert [row[:3] for row in rows(answers, 120)] == [
        ["a.jpg", "Beagle", "0.60"],
        ["b.jpg", "Beagle", "0.60"],
        ["", "one of Breed 0, Breed 1, Breed 2, Breed 3 or 3 more", ""],
        ["c.jpg", "-", ""],
    ]
    console = Console(width=100)
    with console.capture() as capture:
        console.print(answers_table(answers[:1], top=2))
    assert "│ Pug " in capture.get() and "Boxer" not in capture.get()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("IMG[red].jpg", "IMG[red].jpg"),
        ("[link=x].jpg", "[link=x].jpg"),
        (":dog:.jpg", ":dog:.jpg"),
        ("two\nlines.jpg", r"two\nlines.jpg"),
        ("\x1b[31mred.jpg", r"\x1b[31mred.jpg"),
        (os.fsdecode(b"broken\xff.jpg"), r"broken\udcff.jpg"),
    ],
)
def test_a_name_is_never_markup(name: str, shown: str) -> None:
    beagle = Answer(name, True, [("[bold]Beagle :dog:", 0.9)], 1.0, 200)
    refused = Answer(name, None, [], 1.0, 400, "[red] :dog: \x1b")
    assert rows([beagle, refused]) == [
        [shown, "[bold]Beagle :dog:", "0.90", "yes", "1"],
        [shown, r"400: [red] :dog: \x1b", "", "", "1"],
    ]


def test_a_long_name_is_not_cut_short() -> None:
    name = "IMG_20260814_142233_of_our_dog_at_the_lake_with_a_stick.jpg"
    shown = rows([Answer(name, True, [("Beagle", 0.9)], 1.0, 200)], width=60)
    assert "".join(row[0] for row in shown) == name


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["walk/dog.jpg"], ["dog.jpg"]),
        (["walk/dog.jpg", "walk/may/dog.jpg"], ["dog.jpg", "may/dog.jpg"]),
        (["/a/x.jpg", "/b/x.jpg"], ["a/x.jpg", "b/x.jpg"]),
        (["dog.jpg", "/b/x.jpg"], ["dog.jpg", "/b/x.jpg"]),
        (["../a.jpg", "b.jpg"], ["../a.jpg", "b.jpg"]),
    ],
)
def test_photos_of_several_folders_have_distinct_names(paths: list[str], names: list[str]) -> None:
    answers = [Answer(path, True, [("Beagle", 0.9)], 1.0, 200) for path in paths]
    assert [row[0] for row in rows(answers)] == names
