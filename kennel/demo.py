"""`make demo`: the whole of Kennel on real photos, and whether it was right."""

import importlib.util
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from kennel.client import Answer, classify
from kennel.cloud.cloud import Cloud
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint
from kennel.running_cloud import Place
from kennel.tables import answers_table, photos_of

#: foolbox's photos are named imagenet_NN_CLASS.jpg; these two show a dog.
DOGS = {243: "Bull Mastiff", 251: "Dalmatian"}
_NAME = re.compile(r"imagenet_\d\d_(\d+)\.jpg")


@dataclass(frozen=True)
class Sample:
    """A photo and what it shows: a breed, or None for no dog; unless that is not known."""

    photo: Path
    breed: str | None
    known: bool = True


def samples() -> list[Sample]:
    """Return the sample photos that the package foolbox ships, dogs first.

    Raises
    ------
    KennelError
        When the package is not installed.
    """
    spec = importlib.util.find_spec("foolbox")  # found, not imported: its dependencies are absent
    if spec is None or spec.origin is None:
        raise KennelError("the sample photos are missing (package foolbox): run `make setup`")
    found = []
    for photo in sorted((Path(spec.origin).parent / "data").glob("imagenet_*.jpg")):
        if match := _NAME.fullmatch(photo.name):
            found.append(Sample(photo, DOGS.get(int(match[1]))))
    return sorted(found, key=lambda sample: sample.breed is None)


def is_right(answer: Answer, sample: Sample) -> bool:
    """Return whether the API said what the photo shows."""
    if answer.problem or not sample.known:
        return answer.problem is None
    if sample.breed is None:
        return answer.is_dog is False
    return answer.is_dog is True and answer.breeds[0][0] == sample.breed


def own(place: Path) -> list[Sample]:
    """Return a person's own photos, whose truth nobody told us."""
    return [Sample(photo, None, known=False) for photo in photos_of([place])]


def run(
    cloud: Cloud, screen: Console, photos: Sequence[Sample], stay: bool, started: float
) -> bool:
    """Release the pretrained model, classify, print a table and a last line of JSON.

    Parameters
    ----------
    stay
        Whether the cloud stays up afterwards.
    started
        When the demonstration began (`time.perf_counter`), for the seconds of the last line.

    Returns
    -------
    bool
        Whether every answer was right; for a photo of unknown truth, any answer is.
    """
    bring_up_endpoint(cloud, screen)
    answers = classify([each.photo for each in photos], cloud.api_url, cloud.api_key)
    right = sum(is_right(answer, photo) for answer, photo in zip(answers, photos, strict=True))
    out = Console()
    out.print(answers_table(answers))
    place = Place(cloud.api_url, cloud.api_key, cloud.url, logs=str(cloud.logs) if stay else "")
    out.print(
        "It stays up until Ctrl-C:" if stay else "It ends now; `.venv/bin/kennel up` keeps it.",
        highlight=False,
    )
    out.print(place.as_text(), highlight=False, markup=False, soft_wrap=True)
    result = {
        "right": right,
        "photos": len(answers),
        "median_ms": round(statistics.median(each.milliseconds for each in answers), 1),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(result), flush=True)
    return right == len(answers)
