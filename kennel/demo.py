"""`make demo`: release the model, classify photos, and compare the answers with known labels."""

from __future__ import annotations

import importlib.util
import json
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console

from kennel.answer import Answer
from kennel.client import classify
from kennel.errors import KennelError
from kennel.execution import bring_up_endpoint
from kennel.folder_labels import Unlabelled, breed_by_folder
from kennel.photo_files import LeftOut, find_photos
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
    """Return whether the answer agrees with the sample's label."""
    if answer.problem:
        return False
    if sample.breed is None:
        return answer.is_dog is False
    return answer.is_dog is True and answer.breeds[0][0] == sample.breed


def own_photos(path: Path, leave_out: Callable[[LeftOut], object] = lambda _: None) -> list[Sample]:
    """Return a person's own photo, or the photos of a folder, as samples without labels.

    Parameters
    ----------
    leave_out
        Called for everything in the folder that is no photo.
    """
    return [Sample(photo, None, is_labelled=False) for photo in find_photos([path], leave_out)]


def with_label(sample: Sample, root: Path, breeds: Sequence[str]) -> Sample:
    """Return a photo below `root` as a labelled sample if its folder is named as a breed is."""
    try:
        breed = breed_by_folder(sample.photo, root, breeds)
    except Unlabelled:
        return sample
    return replace(sample, breed=breed, is_labelled=True)


def tally(answers: Sequence[Answer], shown: Sequence[Sample]) -> dict[str, int]:
    """Return how many photos were answered, and how many rightly of those with a label."""
    labelled = [pair for pair in zip(answers, shown, strict=True) if pair[1].is_labelled]
    right = sum(is_right(answer, sample) for answer, sample in labelled)
    return {
        **({"right": right, "labelled": len(labelled)} if labelled else {}),
        "answered": sum(not answer.problem for answer in answers),
        "photos": len(answers),
    }


def summary(answers: Sequence[Answer], shown: Sequence[Sample]) -> list[str]:
    """Return lines: the wrong answers, what could not be compared, and how many were right."""
    counts, lines = tally(answers, shown), []
    answered = f"answered: {counts['answered']} of {counts['photos']}"
    if "right" not in counts:
        return [answered]
    for answer, sample in zip(answers, shown, strict=True):
        if sample.is_labelled and not is_right(answer, sample):
            got = answer.problem or (answer.breeds[0][0] if answer.is_dog else "no dog")
            lines.append(f"{sample.photo}: {got}, expected {sample.breed or 'no dog'}")
    unknown = sorted({sample.photo.parent.name for sample in shown if not sample.is_labelled})
    if unknown:
        lines.append(f"not compared, the model has no breed of this name: {', '.join(unknown)}")
    return [*lines, answered, f"right: {counts['right']} of {counts['labelled']}"]


def run(
    cloud: Cloud,
    screen: Console,
    shown: Sequence[Sample],
    *,
    folder: Path | None,
    stay: bool,
    started: float,
) -> bool:
    """Release the pretrained model, classify the photos, print a table and a last line of JSON.

    Parameters
    ----------
    folder
        Where a person's own photos are; sub-folders that are named as breeds label them.
    stay
        Whether the offline cloud keeps running afterwards, which the last lines say.
    started
        When the demonstration began (`time.perf_counter`), for the seconds of the last line.

    Returns
    -------
    bool
        Whether every answer was right; of own photos, whether every one was answered.
    """
    bring_up_endpoint(cloud, screen)
    if folder and folder.is_dir():
        breeds = httpx.get(f"{cloud.api_url}/breeds", timeout=30, trust_env=False).json()["breeds"]
        shown = [with_label(sample, folder, breeds) for sample in shown]
    answers = classify([sample.photo for sample in shown], cloud.api_url, cloud.api_key, screen)
    out = Console(highlight=False, markup=False, soft_wrap=True)
    Console().print(answers_table(answers))
    for line in summary(answers, shown):
        out.print(line)
    if stay:
        address = CloudAddress(cloud.api_url, cloud.api_key, cloud.url, logs=str(cloud.logs))
        out.print(address.as_text())
        out.print("The offline cloud runs until Ctrl-C.")
    else:
        out.print("The offline cloud ends now; `.venv/bin/kennel up` keeps one running.")
    counts = tally(answers, shown)
    result = {
        **counts,
        "median_ms": round(statistics.median(answer.milliseconds for answer in answers), 1),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(result), flush=True)
    return counts["answered" if folder else "right"] == counts["photos"]
