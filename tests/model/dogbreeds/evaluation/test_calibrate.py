import numpy as np
import pytest

from dogbreeds.evaluation.calibrate import (
    COVERAGE,
    FEWEST,
    breed_weights,
    dog_threshold,
    likely_threshold,
    temperature,
)
from dogbreeds.evaluation.metrics import loss, softmax


@pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 3, (8_000, 5))
    gumbel = -np.log(-np.log(random.random(logits.shape)))
    labels = (logits / true + gumbel).argmax(axis=1)  # draws from softmax(logits / true)
    assert temperature(logits, labels) == pytest.approx(true, rel=0.05)


def test_no_other_temperature_has_less_loss() -> None:
    random = np.random.default_rng(3)
    logits, labels = random.normal(0, 1, (200, 4)), random.integers(0, 4, 200)
    fitted = temperature(logits, labels, smoothing=0.0)
    best = loss(softmax(logits, fitted), labels)
    assert all(best <= loss(softmax(logits, t), labels) for t in np.geomspace(0.05, 20, 400))


def test_answers_all_right_or_all_wrong_stay_in_bounds() -> None:
    logits = np.tile([[4.0, 0.0]], (50, 1))
    right, wrong = np.zeros(50, np.int64), np.ones(50, np.int64)
    assert 0.05 <= temperature(logits, right, smoothing=0.0) < 0.2  # the loss is 0 from here
    assert 19 < temperature(logits, wrong) <= 20


@pytest.mark.parametrize("photos", [20, 50, 1000])
def test_some_right_answers_in_a_row_are_no_certainty(photos: int) -> None:
    logits = np.tile([[9.0, 0.0, 0.0]], (photos, 1))
    fitted = temperature(logits, np.zeros(photos, np.int64))
    said = softmax(logits[:1], fitted).max()
    assert said == pytest.approx((photos + 1) / (photos + 2), abs=1e-4)


def test_too_few_photos_change_nothing() -> None:
    logits = np.tile([[4.0, 0.0]], (FEWEST - 1, 1))
    assert temperature(logits, np.zeros(FEWEST - 1, np.int64)) == 1.0


def test_weights_let_each_breed_count_as_much() -> None:
    labels = np.repeat([0, 1, 3], [90, 9, 1])
    weights = breed_weights(labels)
    assert weights.mean() == pytest.approx(1)
    sums = [weights[labels == breed].sum() for breed in (0, 1, 3)]
    assert sums == pytest.approx([100 / 3] * 3)


def test_weighted_photos_are_as_many_of_them() -> None:
    random = np.random.default_rng(4)
    logits, labels = random.normal(0, 2, (60, 3)), np.repeat([0, 1, 2], 20)
    twice = np.concatenate([logits, logits[:20]])
    weights = np.repeat([2.0, 1.0], [20, 40]) * 60 / 80
    expected = temperature(twice, np.concatenate([labels, labels[:20]]), smoothing=0.0)
    assert temperature(logits, labels, smoothing=0.0, weights=weights) == pytest.approx(expected)


@pytest.mark.parametrize("photos", [1, 7, 99, 100, 101, 200, 1000])
def test_at_least_99_of_100_dogs_reach_the_threshold(photos: int) -> None:
    scores = np.random.default_rng(photos).random(photos).astype(np.float32)
    threshold = dog_threshold(scores)
    assert (scores >= threshold).mean() >= 0.99
    higher = np.sort(scores)[min(int(photos * 0.01) + 1, photos - 1)]
    assert photos < 100 or (scores >= higher).mean() < 0.99


def test_at_least_95_of_100_dogs_reach_the_sure_threshold() -> None:
    scores = np.random.default_rng(1).random(200)
    assert dog_threshold(scores, 0.95) > dog_threshold(scores)
    assert (scores >= dog_threshold(scores, 0.95)).sum() == 190


@pytest.mark.parametrize("photos", [FEWEST, 99, 200])
def test_likely_breeds_hold_the_right_one_in_90_of_100_new_photos(photos: int) -> None:
    random = np.random.default_rng(photos)
    covered = []
    for _ in range(300):
        logits = random.normal(0, 2, (photos + 200, 4))
        shares = softmax(logits)
        labels = np.array([random.choice(4, p=row) for row in shares])
        threshold = likely_threshold(shares[:photos], labels[:photos])
        assert threshold is not None
        own = shares[np.arange(len(labels)), labels][photos:]
        covered.append((own >= threshold).mean())
    assert COVERAGE - 0.01 <= np.mean(covered) <= COVERAGE + 1 / (photos + 1) + 0.01


def test_too_few_photos_make_no_set() -> None:
    few = FEWEST - 1
    assert likely_threshold(np.full((few, 2), 0.5), np.zeros(few, np.int64)) is None
