"""`make demo`: the whole of Kennel on real photos, and whether it was right."""

import importlib.util
import json
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from kennel.client import Answer, classify
from kennel.cloud.cloud import Cloud
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint
from kennel.listening import Place
from kennel.show import answers_table, photos_of

#: foolbox's photos are named imagenet_NN_CLASS.jpg; these two show a dog.
DOGS = {243: "Bull Mastiff", 251: "Dalmatian"}
_NAME = re.compile(r"imagenet_\d\d_(\d+)\.jpg")


@dataclass(frozen=True)
class Sample:
    """A photo and what it shows: a breed, or None for no dog."""

    photo: Path
    breed: str | None


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


def is_right(answer: Answer, breed: str | None) -> bool:
    """Return whether the API named the breed, or for no dog (None) called it no dog."""
    if answer.problem:
        return False
    return answer.breeds[0][0] == breed if breed else answer.is_dog is False


def run(cloud: Cloud, screen: Console, photos: Path | None, stay: bool) -> bool:
    """Release the pretrained model, classify, print a table and a last line of JSON.

    Parameters
    ----------
    photos
        The person's own photos; None takes the sample photos, whose truth is known.
    stay
        Whether the cloud stays up afterwards.

    Returns
    -------
    bool
        Whether every answer was right (samples), or every photo got an answer (own photos).
    """
    started = time.perf_counter()
    files = photos_of([photos]) if photos else []
    known = [] if photos else samples()
    bring_up_endpoint(cloud, screen)
    answers = classify(files or [each.photo for each in known], cloud.api_url, cloud.api_key)
    right = (
        sum(is_right(answer, sample.breed) for answer, sample in zip(answers, known, strict=True))
        if known
        else sum(answer.problem is None for answer in answers)
    )
    out = Console()
    out.print(answers_table(answers))
    place = Place(cloud.api_url, cloud.api_key, cloud.url)
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
