"""The table of answers."""

from rich.console import Console

from kennel.client import Answer
from kennel.tables import answers_table


def test_a_dog_no_dog_and_a_refused_photo_have_a_row_each() -> None:
    answers = [
        Answer("dog.jpg", True, [("Beagle", 0.876), ("Pug", 0.1)], 41.4, 200),
        Answer("cat.jpg", False, [("Pug", 0.02)], 20.0, 200),
        Answer("bad.jpg", None, [], 5.0, 400, "broken [jpeg]"),
    ]
    console = Console(width=100)
    with console.capture() as capture:
        console.print(answers_table(answers))
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in capture.get().splitlines()
        if ".jpg" in line
    ]
    assert rows == [
        ["dog.jpg", "Beagle", "0.88", "yes", "41"],
        ["cat.jpg", "-", "", "no", "20"],
        ["bad.jpg", "400: broken [jpeg]", "", "", "5"],
    ]
