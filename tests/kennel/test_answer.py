"""Answers as JSON and as CSV."""

import csv
import io
import json
from pathlib import Path

import pytest

from kennel.answer import CSV_COLUMNS, Answer, not_sent, print_csv
from kennel.photo_files import LeftOut

ANSWERS = [
    Answer('dog, "a".jpg', True, [("Beagle", 0.876), ("Pug", 0.1)], 41.44, 200),
    Answer("two\nlines.jpg", False, [("Pug", 0.02)], 20.0, None),
    Answer("bad.jpg", None, [], 0.0, 400, "broken, they say"),
    not_sent(LeftOut(Path("notes.txt"), "no photo")),
]


def test_csv_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(ANSWERS)
    header, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert tuple(header) == CSV_COLUMNS
    assert rows == [
        ['dog, "a".jpg', "Beagle", "0.876", "yes", "41.4", ""],
        [r"two\nlines.jpg", "", "", "no", "20.0", ""],
        ["bad.jpg", "", "", "", "", "broken, they say"],
        ["notes.txt", "", "", "", "", "left out: no photo"],
    ]


def test_json_has_every_field() -> None:
    assert json.loads(ANSWERS[0].as_json()) == {
        "photo": 'dog, "a".jpg',
        "is_dog": True,
        "breeds": [["Beagle", 0.876], ["Pug", 0.1]],
        "milliseconds": 41.44,
        "status": 200,
        "problem": None,
        "dog": None,
        "likely": None,
        "explain": None,
    }
