"""Which photos lie in the wrong folder, by what the others say: `train.py --label-report`.

A head is fitted on four fifths of train and valid and asked about the last fifth, five times, so no
photo was learnt by the head that judges it. cleanlab (confident learning, Northcutt et al., 2021)
then names those whose folder is less believable than another. It is no verdict: look at them.
cleanlab is not in requirements.txt, since most trainings do without: `pip install cleanlab`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from archive import whole_file
from card import PackageError
from head import HeadSettings, Prior, Samples, fit_head
from metrics import Floats, softmax

FOLDS = 5
SEED = 20


@dataclass(frozen=True)
class Suspect:
    """A photo whose folder looks wrong."""

    photo: str
    folder: str  # the breed that it lies under
    looks_like: str
    probability: float  # of its own folder, 0..1, by heads that did not learn it


def out_of_sample(prior: Prior, samples: Samples, settings: HeadSettings) -> Floats:
    """Return probabilities [photos, breeds], each from a head that did not learn the photo."""
    count, breeds = len(samples), len(prior.pull)
    folds = np.empty(count, np.int64)
    random = np.random.default_rng(SEED)
    for breed in range(breeds):  # each fold has its share of every breed
        own = random.permutation(np.flatnonzero(samples.labels == breed))
        folds[own] = np.arange(len(own)) % FOLDS
    found = np.empty((count, breeds))
    for fold in range(FOLDS):
        left = folds == fold
        if left.any():
            train = Samples(samples.features[~left], samples.labels[~left])
            head, _ = fit_head(prior, train, None, settings)
            found[left] = softmax(head.logits(samples.features[left]))
    return found


def suspects(
    probabilities: Floats, labels: Sequence[int], names: Sequence[str], breeds: Sequence[str]
) -> list[Suspect]:
    """Return what cleanlab holds for wrong, the least believable first.

    Raises
    ------
    PackageError
        cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues  # noqa: PLC0415  # optional, and slow
    except ModuleNotFoundError as error:
        raise PackageError(
            f"--label-report needs the package {error.name!r}, which is not installed: run "
            "`pip install cleanlab`, or leave the flag out."
        ) from error
    places = find_label_issues(
        np.asarray(labels),
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    return [
        Suspect(
            names[place],
            breeds[labels[place]],
            breeds[int(probabilities[place].argmax())],
            round(float(probabilities[place, labels[place]]), 4),
        )
        for place in places
    ]


def write(path: Path, found: Sequence[Suspect]) -> None:
    """Write them as JSON, whole or not at all."""
    text = json.dumps([asdict(suspect) for suspect in found], indent=1, ensure_ascii=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def sentence(found: Sequence[Suspect], photos: int, path: Path) -> str:
    """Return what a person is told, with the first few."""
    if not found:
        return f"label report: of {photos:,} photos none looks as if it lay in a wrong folder"
    first = ", ".join(f"{s.photo} (looks like {s.looks_like})" for s in found[:5])
    return (
        f"label report: {len(found):,} of {photos:,} photos may lie in a wrong folder, all in "
        f"{path.name}; first {first}"
    )
