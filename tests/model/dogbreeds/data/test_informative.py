"""data/informative.py: uncertain photos first, and photos that are unlike each other."""

import numpy as np

from dogbreeds.data.informative import most_informative

SURE, UNSURE, PAIR = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25], [0.01, 0.5, 0.49]


def test_the_unsure_come_before_the_sure() -> None:
    features = np.eye(4, dtype=np.float32)
    order = most_informative(np.array([SURE, UNSURE, SURE, UNSURE]), features, 4)
    assert set(order[:2]) == {1, 3}
    assert sorted(order) == [0, 1, 2, 3]


def test_a_second_view_of_a_photo_waits_for_others_as_unsure() -> None:
    alike = np.array([[1, 0, 0], [0.99, 0.01, 0], [0, 1, 0]], np.float32)
    assert set(most_informative(np.array([UNSURE] * 3), alike, 2)) in ({0, 2}, {1, 2})
    # the same features, but doubts about other breeds
    same = np.ones((3, 2), np.float32)
    assert set(most_informative(np.array([UNSURE, UNSURE, PAIR]), same, 2)) in ({0, 2}, {1, 2})


def test_no_photo_is_chosen_twice_and_the_order_is_the_same_again() -> None:
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(5, 8)).astype(np.float32), 4, axis=0)
    probabilities = np.repeat(random.dirichlet(np.ones(3), 5), 4, axis=0)
    order = most_informative(probabilities, features, 50)
    assert sorted(order) == list(range(20))
    assert np.array_equal(order, most_informative(probabilities, features, 50))
    assert np.array_equal(order[:7], most_informative(probabilities, features, 7))


def test_the_scale_of_features_does_not_count_and_zeros_are_no_error() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(6, 8)).astype(np.float32)
    probabilities = random.dirichlet(np.ones(3), 6)
    scaled = features * np.float32(100)
    expected = most_informative(probabilities, features, 6)
    assert np.array_equal(most_informative(probabilities, scaled, 6), expected)
    assert len(most_informative(probabilities, features * 0, 6)) == 6
    assert len(most_informative(probabilities[:0], features[:0], 6)) == 0
    assert len(most_informative(np.ones((3, 1)), features[:3], 6)) == 3  # one breed only
