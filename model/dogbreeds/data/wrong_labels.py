"""Find photos that may lie in the wrong breed's folder: `train.py --label-report`.

By cross-validation over train and valid: five heads are fitted, each on four fifths, and each
predicts the last fifth, which it did not learn from. cleanlab (confident learning, Northcutt et
al., 2021) then lists a photo if another breed is at least as likely as that breed is, on average,
for its own photos. A person has to look at them: they become notes of the audit and stop nothing.
cleanlab is not in requirements.txt, since most trainings do without it: `pip install cleanlab`.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from dogbreeds.data.audit_rules import WRONG_LABEL, Finding, Item
from dogbreeds.data.dataset import DataError, Dataset
from dogbreeds.evaluation.metrics import Floats, softmax
from dogbreeds.network.head import Prior, Samples, fit_head
from dogbreeds.training.settings import HeadSettings
from dogbreeds.training.start import require_cleanlab

FOLDS = 5
SEED = 20


def check(dataset: Dataset) -> None:
    """Raise before the features are computed if the label report cannot be made.

    Raises
    ------
    PackageError
        cleanlab is not installed.
    DataError
        A breed has so few photos in train and valid that a fold would have none of it.
    """
    require_cleanlab()
    counts = Counter(photo.breed for photo in dataset.photos if photo.split != "test")
    breed = min(dataset.breeds, key=lambda name: (counts[name], name))
    if counts[breed] < FOLDS:
        raise DataError(
            f"--label-report needs {FOLDS} photos or more of each breed in train and valid, and "
            f"{breed} has {counts[breed]}: add photos, or leave the flag out."
        )


def out_of_sample(prior: Prior, samples: Samples, settings: HeadSettings) -> Floats:
    """Return probabilities [photos, breeds], each from a head that did not learn from the photo."""
    count, breeds = len(samples), len(prior.pull)
    folds = np.empty(count, np.int64)
    random = np.random.default_rng(SEED)
    for breed in range(breeds):  # each fold has its share of every breed
        rows = random.permutation(np.flatnonzero(samples.labels == breed))
        folds[rows] = np.arange(len(rows)) % FOLDS
    probabilities = np.empty((count, breeds))
    for fold in range(FOLDS):
        held_out = folds == fold
        train = Samples(samples.features[~held_out], samples.labels[~held_out])
        head, _ = fit_head(prior, train, None, settings)
        probabilities[held_out] = softmax(head.logits(samples.features[held_out]))
    return probabilities


def suspects(
    probabilities: Floats, labels: Sequence[int], names: Sequence[str], breeds: Sequence[str]
) -> Finding:
    """Return the photos that cleanlab lists, the least likely first; there may be none."""
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  # optional, and slow

    rows = find_label_issues(
        np.asarray(labels),
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    items = [
        Item(
            (names[row],),
            f"looks like {breeds[int(probabilities[row].argmax())]}; the chance of its folder's "
            f"{breeds[labels[row]]} is {100 * probabilities[row, labels[row]]:.1f} %",
        )
        for row in rows
    ]
    return Finding(WRONG_LABEL, tuple(items))


def sentence(finding: Finding, photos: int) -> str:
    """Return a log line: how many photos may be in a wrong folder, and the first three."""
    if not finding.items:
        return f"label report: of {photos:,} photos none looks as if it lay in a wrong folder"
    first = "; ".join(f"{item.files[0]}: {item.reason}" for item in finding.items[:3])
    return (
        f"label report: {len(finding.items):,} of {photos:,} photos may lie in a wrong folder, all "
        f"of them in report.html and audit.json; first {first}"
    )
