import numpy as np
import pytest

from dogbreeds.evaluation.cross_validate import FOLDS, cross_validate, folds, is_needed
from dogbreeds.evaluation.metrics import wilson
from dogbreeds.network.head import Samples, zero_prior
from dogbreeds.training.settings import HeadSettings
from tests.model.learning import clouds


def test_needed_where_a_breed_has_few_test_photos() -> None:
    many = np.repeat([0, 1], 20)
    assert not is_needed(many, 2)
    assert is_needed(many[1:], 2)
    assert is_needed(many, 3)  # one has none at all


def test_each_fold_has_its_share_of_every_breed() -> None:
    labels = np.repeat(np.arange(3), [50, 10, 5])
    fold_of = folds(labels)
    for breed, share in enumerate((10, 2, 1)):
        counts = np.bincount(fold_of[labels == breed], minlength=FOLDS)
        assert counts.tolist() == [share] * FOLDS


def test_breeds_of_three_photos_do_not_crowd_the_first_folds() -> None:
    counts = np.bincount(folds(np.repeat(np.arange(10), 3)), minlength=FOLDS)
    assert counts.tolist() == [6] * FOLDS


@pytest.mark.parametrize("seed", range(5))
def test_photos_that_show_the_same_picture_stay_together(seed: int) -> None:
    labels = np.repeat([0, 1], 30)
    groups = [[0, 5, 9], [9, 12], [31, 40]]
    fold_of = folds(labels, groups, seed)
    assert len({int(fold_of[row]) for row in (0, 5, 9, 12)}) == 1
    assert fold_of[31] == fold_of[40]
    assert np.ptp(np.bincount(fold_of, minlength=FOLDS)) <= 5


def test_no_photo_is_judged_by_a_head_that_learnt_from_it() -> None:
    """Labels at random: a head that had seen them would know some, others are right by chance."""
    random = np.random.default_rng(1)
    count = 200
    samples = Samples(
        random.normal(0, 1, (count, 300)).astype(np.float32), random.integers(0, 4, count)
    )
    result = _validated(samples, samples.features + 0.01)
    assert result["top1_interval"][0] < 0.25 < result["top1_interval"][1] + 0.05


def test_the_figures_are_of_all_photos() -> None:
    samples = clouds(0, 12)
    result = _validated(samples, samples.features[:20])
    assert (result["photos"], result["folds"]) == (36, FOLDS)
    assert result["top1"] > 0.85
    right = round(result["top1"] * 36)
    assert result["top1_interval"] == list(wilson(right, 36))
    for entry in result["per_breed"].values():
        assert entry["photos"] == 12
        assert entry["interval"][0] <= entry["recall"] <= entry["interval"][1]


def test_a_breed_of_one_photo_is_judged_too() -> None:
    samples = clouds(0, 12)
    keep = np.r_[0, 12:36]
    result = _validated(Samples(samples.features[keep], samples.labels[keep]), np.zeros((0, 12)))
    assert result["per_breed"]["a"]["photos"] == 1
    assert result["per_breed"]["a"]["recall"] in {0.0, 1.0}


def _validated(samples: Samples, mirrored: np.ndarray) -> dict:  # type: ignore[type-arg]
    breeds = ["a", "b", "c", "d"][: samples.labels.max() + 1]
    channels = samples.features.shape[1]
    return cross_validate(
        samples,
        mirrored.astype(np.float32),
        lambda _: zero_prior(len(breeds), channels),
        HeadSettings(),
        breeds,
    )
