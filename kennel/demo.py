"""`make demo`: release the model, classify real photos, and compare the answers with the truth."""

from __future__ import annotations

import importlib.util
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kennel.client import Answer, classify
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint
from kennel.photo_files import find_photos
from kennel.running_cloud import CloudAddress
from kennel.tables import answers_table

if TYPE_CHECKING:
    from kennel.cloud.cloud import Cloud

#: The dogs among foolbox's photos, by ImageNet class: a photo is named imagenet_NN_CLASS.jpg.
DOGS = {243: "Bull Mastiff", 251: "Dalmatian"}
_NAME = re.compile(r"imagenet_\d\d_(\d+)\.jpg")


@dataclass(frozen=True)
class Sample:
    """A photo with its true label.

    Attributes
    ----------
    breed
        The true breed; None if the photo shows no dog, or if `is_labelled` is false.
    is_labelled
        Whether the true label is known.
    """

    photo: Path
    breed: str | None
    is_labelled: bool = True


def samples() -> list[Sample]:
    """Return the sample photos that the package foolbox ships, dogs first.

    Raises
    ------
    KennelError
        If the package is not installed.
    """
    spec = importlib.util.find_spec("foolbox")  # not imported: its dependencies are not installed
    if spec is None or spec.origin is None:
        raise KennelError("the sample photos are missing (package foolbox): run `make setup`")
    labelled = []
    for photo in sorted((Path(spec.origin).parent / "data").glob("imagenet_*.jpg")):
        if match := _NAME.fullmatch(photo.name):
            labelled.append(Sample(photo, DOGS.get(int(match[1]))))
    return sorted(labelled, key=lambda sample: sample.breed is None)


def is_right(answer: Answer, sample: Sample) -> bool:
    """Return whether the answer agrees with the label; without a label any breed is right."""
    if answer.problem or not sample.is_labelled:
        return answer.problem is None
    if sample.breed is None:
        return answer.is_dog is False
    return answer.is_dog is True and answer.breeds[0][0] == sample.breed


def own_photos(path: Path) -> list[Sample]:
    """Return a person's own photo, or the photos of a folder, as samples without labels."""
    return [Sample(photo, None, is_labelled=False) for photo in find_photos([path])]


def run(
    cloud: Cloud, screen: Console, samples_shown: Sequence[Sample], stay: bool, started: float
) -> bool:
    """Release the pretrained model, classify the photos, print a table and a last line of JSON.

    Parameters
    ----------
    stay
        Whether the offline cloud keeps running afterwards, which the last lines say.
    started
        When the demonstration began (`time.perf_counter`), for the seconds of the last line.

    Returns
    -------
    bool
        Whether every answer was right.
    """
    bring_up_endpoint(cloud, screen)
    answers = classify([sample.photo for sample in samples_shown], cloud.api_url, cloud.api_key)
    right = sum(
        is_right(answer, sample) for answer, sample in zip(answers, samples_shown, strict=True)
    )
    out = Console()
    out.print(answers_table(answers))
    address = CloudAddress(
        cloud.api_url, cloud.api_key, cloud.url, logs=str(cloud.logs) if stay else ""
    )
    out.print(
        "The offline cloud runs until Ctrl-C:"
        if stay
        else "The offline cloud ends now; `.venv/bin/kennel up` keeps one running.",
        highlight=False,
    )
    out.print(address.as_text(), highlight=False, markup=False, soft_wrap=True)
    result = {
        "right": right,
        "photos": len(answers),
        "median_ms": round(statistics.median(answer.milliseconds for answer in answers), 1),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(result), flush=True)
    return right == len(answers)
