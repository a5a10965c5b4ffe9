import numpy as np
import pytest

from dogbreeds.evaluation.compare import correct_predictions, on_breeds_of, paired_bootstrap
from dogbreeds.package.card import Breed

BEAGLE, BOXER = Breed("Beagle", "n02088364"), Breed("Boxer", "n02108089")


def test_breeds_are_matched_by_synset_then_by_name_and_lacking_ones_never_said() -> None:
    own = [Breed("English Beagle", "n02088364"), Breed("havanese", ""), BOXER]
    wanted = [BOXER, Breed("Havanese", ""), BEAGLE, Breed("Puli", "")]
    result = on_breeds_of(np.array([[1.0, 2.0, 3.0]]), own, wanted)
    assert result.tolist() == [[3.0, 2.0, 1.0, -np.inf]]


def test_two_synsets_of_one_name_are_two_breeds() -> None:
    other = Breed("Beagle", "n00000001")
    assert on_breeds_of(np.array([[1.0]]), [other], [BEAGLE]).tolist() == [[-np.inf]]


def test_photos_of_a_lacking_breed_are_wrong_even_if_nothing_is_left_to_say() -> None:
    nothing = np.full((2, 2), -np.inf)
    assert correct_predictions(nothing, np.array([0, 1])).tolist() == [False, False]


def test_the_same_answers_are_not_worse() -> None:
    same = np.array([True] * 80 + [False] * 20)
    result = paired_bootstrap(same, same)
    assert (result.difference, result.interval, result.p_not_worse) == (0.0, (0.0, 0.0), 1.0)


def test_the_interval_is_that_of_the_paired_difference() -> None:
    candidate = np.array([True] * 90 + [False] * 10)
    live = np.array([True] * 80 + [False] * 10 + [True] * 0 + [False] * 10)
    result = paired_bootstrap(candidate, live)
    assert result.difference == pytest.approx(0.10)
    # 10 of 100 photos differ, all one way: a binomial's 95 %
    assert result.interval == pytest.approx((0.05, 0.16), abs=0.011)
    assert result.p_not_worse == 1.0
    back = paired_bootstrap(live, candidate)
    assert back.difference == pytest.approx(-0.10)
    assert back.p_not_worse < 0.001


def test_the_bootstrap_is_reproducible() -> None:
    random = np.random.default_rng(0)
    a, b = random.random(50) < 0.8, random.random(50) < 0.7
    assert paired_bootstrap(a, b) == paired_bootstrap(a, b)
