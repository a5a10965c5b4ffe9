"""Which photos lie in the wrong folder, by what the others say: `train.py --label-report`.

A head is fitted on four fifths of train and valid and asked about the last fifth, five times, so no
photo was learnt by the head that judges it. cleanlab (confident learning, Northcutt et al., 2021)
then names a photo where another breed is at least as likely as it is, on average, for that breed's
own photos. It is no verdict: look at them. The findings are the audit's, as notes.
cleanlab is not in requirements.txt, since most trainings do without: `pip install cleanlab`.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from dogbreeds.data.audit_rules import WRONG_LABEL, Finding, Item
from dogbreeds.data.dataset import DataError, Dataset
from dogbreeds.evaluation.metrics import Floats, softmax
from dogbreeds.network.head import HeadSettings, Prior, Samples, fit_head
from dogbreeds.package.card import PackageError

FOLDS = 5
SEED = 20


def check(dataset: Dataset) -> None:
    """Refuse a report that could not be made, before an hour has gone into the features.

    Raises
    ------
    PackageError
        cleanlab is not installed.
    DataError
        A breed has so few photos in train and valid that a fold would have none of it.
    """
    if find_spec("cleanlab") is None:
        raise PackageError(
            "--label-report needs the package cleanlab, which is not installed: run "
            "`pip install cleanlab`, or leave the flag out."
        )
    counts = Counter(photo.breed for photo in dataset.photos if photo.split != "test")
    breed = min(dataset.breeds, key=lambda name: (counts[name], name))
    if counts[breed] < FOLDS:
        raise DataError(
            f"--label-report needs {FOLDS} photos or more of each breed in train and valid, and "
            f"{breed} has {counts[breed]}: add photos, or leave the flag out."
        )


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
        train = Samples(samples.features[~left], samples.labels[~left])
        head, _ = fit_head(prior, train, None, settings)
        found[left] = softmax(head.logits(samples.features[left]))
    return found


def suspects(
    probabilities: Floats, labels: Sequence[int], names: Sequence[str], breeds: Sequence[str]
) -> Finding:
    """Return what cleanlab holds for wrong, the least believable first; it may be nothing."""
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  # optional, and slow

    places = find_label_issues(
        np.asarray(labels),
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    items = [
        Item(
            (names[place],),
            f"looks like {breeds[int(probabilities[place].argmax())]}; the chance of its folder's "
            f"{breeds[labels[place]]} is {100 * probabilities[place, labels[place]]:.1f} %",
        )
        for place in places
    ]
    return Finding(WRONG_LABEL, tuple(items))


def sentence(found: Finding, photos: int) -> str:
    """Return what a person is told, with the first few."""
    if not found.items:
        return f"label report: of {photos:,} photos none looks as if it lay in a wrong folder"
    first = "; ".join(f"{item.files[0]}: {item.reason}" for item in found.items[:3])
    return (
        f"label report: {len(found.items):,} of {photos:,} photos may lie in a wrong folder, all "
        f"of them in report.html and audit.json; first {first}"
    )
