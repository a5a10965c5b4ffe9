import numpy as np
import pytest

from dogbreeds.evaluation.calibrate import FEWEST, dog_threshold, temperature
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
    found = temperature(logits, labels, smoothing=0.0)
    best = loss(softmax(logits, found), labels)
    assert all(best <= loss(softmax(logits, t), labels) for t in np.geomspace(0.05, 20, 400))


def test_answers_all_right_or_all_wrong_stay_in_bounds() -> None:
    logits = np.tile([[4.0, 0.0]], (50, 1))
    right, wrong = np.zeros(50, np.int64), np.ones(50, np.int64)
    assert 0.05 <= temperature(logits, right, smoothing=0.0) < 0.2  # the loss is 0 from here
    assert 19 < temperature(logits, wrong) <= 20


@pytest.mark.parametrize("photos", [20, 50, 1000])
def test_some_right_answers_in_a_row_are_no_certainty(photos: int) -> None:
    logits = np.tile([[9.0, 0.0, 0.0]], (photos, 1))
    found = temperature(logits, np.zeros(photos, np.int64))
    said = softmax(logits[:1], found).max()
    assert said == pytest.approx((photos + 1) / (photos + 2), abs=1e-4)


def test_too_few_photos_change_nothing() -> None:
    logits = np.tile([[4.0, 0.0]], (FEWEST - 1, 1))
    assert temperature(logits, np.zeros(FEWEST - 1, np.int64)) == 1.0


@pytest.mark.parametrize("photos", [1, 7, 99, 100, 101, 200, 1000])
def test_at_least_99_of_100_dogs_reach_the_threshold(photos: int) -> None:
    scores = np.random.default_rng(photos).random(photos).astype(np.float32)
    threshold = dog_threshold(scores)
    assert (scores >= threshold).mean() >= 0.99
    higher = np.sort(scores)[min(int(photos * 0.01) + 1, photos - 1)]
    assert photos < 100 or (scores >= higher).mean() < 0.99
