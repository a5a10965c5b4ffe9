import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from dogbreeds.evaluation.metrics import (
    auroc,
    confusion,
    ece,
    ece_floor,
    loss,
    recalls,
    reliability,
    softmax,
    top_k,
    wilson,
)

SHARES = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]])
TRUTH = np.array([0, 2, 2, 1])


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    # Newcombe 1998, table I: 81/263 and 15/148; and the ends
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (20, 20, 0.8389, 1)],
)
def test_wilson(right: int, photos: int, low: float, high: float) -> None:
    assert wilson(right, photos) == pytest.approx((low, high), abs=1e-4)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_loss_and_top_k() -> None:
    assert loss(SHARES, TRUTH) == pytest.approx(-np.log([0.7, 0.3, 0.4, 0.4]).mean())
    assert [top_k(SHARES, TRUTH, k) for k in (1, 2, 3, 5)] == [0.5, 1, 1, 1]


def test_an_impossible_truth_costs_much_but_not_infinity() -> None:
    assert 20 < loss(np.array([[1.0, 0.0]]), np.array([1])) < 30


def test_ties_go_to_the_first_as_argmax_has_it() -> None:
    even = np.full((2, 4), 0.25)
    assert top_k(even, np.array([0, 3]), 1) == 0.5
    assert top_k(even, np.array([1, 3]), 2) == 0.5


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4 - 1]])), [[0.73105858, 0.26894142]])
    np.testing.assert_allclose(softmax(np.array([[2.0, 0.0]]), 2.0), softmax(np.array([[1.0, 0]])))


def test_confusion_and_recalls() -> None:
    counts = confusion(np.array([0, 1, 2, 0]), TRUTH, 4)
    assert counts.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert recalls(counts) == [1.0, 0.0, 0.5, None]


def test_ece_by_hand() -> None:
    confidence = np.array([0.6] * 10 + [0.9] * 10)
    right = np.array([True] * 4 + [False] * 6 + [True] * 10)
    # sorted by confidence, stable: bins of 2 photos each
    assert ece(confidence, right) == pytest.approx((2 * 0.4 + 3 * 0.6 + 5 * 0.1) / 10)


@given(hnp.arrays(float, st.integers(1, 60), elements=st.floats(0.1, 1)))
def test_bins_have_equal_mass_and_hold_every_photo(confidence: NDArray[np.float64]) -> None:
    bins = reliability(confidence, confidence > 0.5)
    sizes = [entry["photos"] for entry in bins]
    assert sum(sizes) == len(confidence)
    assert max(sizes) - min(sizes) <= 1


def test_the_floor_falls_with_photos_and_a_calibrated_model_stands_on_it() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 4000)
    assert ece_floor(confidence[:100], 50) > 2 * ece_floor(confidence, 20)
    correct = random.random(4000) < confidence
    assert ece(confidence, correct) < 2 * ece_floor(confidence, 20)
    assert ece(confidence, np.zeros(4000, bool)) > 0.5


@given(
    hnp.arrays(float, st.integers(1, 20), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    hnp.arrays(float, st.integers(1, 20), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
)
def test_auroc_is_what_its_definition_says(
    dogs: NDArray[np.float64],
    others: NDArray[np.float64],
) -> None:
    pairs = [(dog > other) + (dog == other) / 2 for dog in dogs for other in others]
    assert auroc(dogs, others) == pytest.approx(np.mean(pairs))
