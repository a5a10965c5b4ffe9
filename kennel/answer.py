"""The answer for a photo, from the API or from a model on this machine, as JSON and CSV."""

import csv
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from kennel.photo_files import LeftOut, printable

CSV_COLUMNS = ("photo", "breed", "probability", "is_dog", "milliseconds", "problem")


@dataclass(frozen=True)
class Answer:
    """The answer for one photo.

    Attributes
    ----------
    photo
        The file's path.
    breeds
        (breed, probability) from most to least probable; empty if there is a problem.
    milliseconds
        From the request's first byte sent to the answer's last byte received; of a model on this
        machine, of decoding and the network. 0 if there was no answer.
    status
        Of HTTP; None if there was no answer, or it came from a model on this machine.
    problem
        A sentence if the photo was refused or could not be sent, else None.
    dog
        "yes", "perhaps" or "no"; `is_dog` is false for "no" only.
    likely
        The smallest set of breeds that holds the right one in 90 % of photos, of models that know.
    explain
        Where it was asked for, and the model can tell: the first ``breed``, and as ``heat_map`` a
        PNG in base64, or as ``picture`` the path of the photo with the heat map over it.
    """

    photo: str
    is_dog: bool | None
    breeds: list[tuple[str, float]]
    milliseconds: float
    status: int | None
    problem: str | None = None
    dog: str | None = None
    likely: list[str] | None = None
    explain: dict[str, str] | None = None

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    def csv_cells(self) -> tuple[object, ...]:
        """Return the cells of `CSV_COLUMNS`; a breed is there only for a dog."""
        breed, probability = self.breeds[0] if self.is_dog else ("", "")
        is_dog = "" if self.is_dog is None else ("yes" if self.is_dog else "no")
        took = round(self.milliseconds, 1) if self.milliseconds else ""
        return printable(self.photo), breed, probability, is_dog, took, self.problem or ""


def not_sent(left_out: LeftOut) -> Answer:
    """Return an answer that says why a file was left out."""
    return Answer(str(left_out.path), None, [], 0.0, None, f"left out: {left_out.reason}")


def print_csv(answers: Iterable[Answer]) -> None:
    """Print the answers as CSV, with a line of column names."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(CSV_COLUMNS)
    out.writerows(answer.csv_cells() for answer in answers)
