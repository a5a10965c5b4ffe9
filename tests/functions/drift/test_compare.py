"""False alarms are rare, and changes of each fact are found and named."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from drift.compare import WINDOW, Answer, BadBaseline, Baseline, drifts

Draw = Callable[[random.Random], Answer]


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311


def traffic(
    breeds: int = 10, no_dog: float = 0.03, sure: float = 6.0, digits: int | None = None
) -> Draw:
    """Return a source of answers: the n-th breed is 1/n as frequent, confidence is a beta's."""
    names = [f"Breed {n}" for n in range(1, breeds + 1)]
    weights = [1 / n for n in range(1, breeds + 1)]

    def draw(seed: random.Random) -> Answer:
        [breed] = seed.choices(names, weights)
        confidence = seed.betavariate(sure, 0.6)
        if digits is not None:
            confidence = round(confidence, digits)
        return Answer(None if seed.random() < no_dog else breed, confidence)

    return draw


def answers(draw: Draw, count: int, seed: random.Random) -> list[Answer]:
    return [draw(seed) for _ in range(count)]


def baseline(draw: Draw, count: int, seed: random.Random) -> Baseline:
    """Return what dogbreeds.package.drift makes of answers."""
    sample = answers(draw, count, seed)
    dogs = sorted(answer.confidence for answer in sample if answer.breed)
    confidence = tuple(round(dogs[-(-len(dogs) * i // 100) - 1], 4) for i in range(1, 100))
    breeds = Counter(answer.breed for answer in sample if answer.breed)
    return Baseline(count - len(dogs), breeds, confidence)


@pytest.mark.parametrize(
    ("draw", "of_baseline"),
    [
        (traffic(), 200),
        (traffic(), 1_000),
        (traffic(breeds=120, no_dog=0.2), 600),
        (traffic(breeds=2, no_dog=0.0, sure=50.0), 60),  # most percentiles are near to 1
        (traffic(no_dog=0.5, digits=1), 300),  # many equal confidences
    ],
    ids=["few", "many", "120 breeds", "hardly any", "equal ones"],
)
def test_at_most_one_window_in_a_hundred_alarms_without_drift(draw: Draw, of_baseline: int) -> None:
    seed = seeded(7)
    windows, per_baseline = 200, 10
    alarms = 0
    for _ in range(windows // per_baseline):
        expected = baseline(draw, of_baseline, seed)
        for _ in range(per_baseline):
            alarms += bool(drifts(expected, answers(draw, WINDOW, seed)))
    assert alarms <= windows / 100


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        (traffic(no_dog=0.25), "no dog"),
        (traffic(sure=2.0), "confidence"),
        (traffic(sure=60.0), "confidence"),  # surer than before is a change too
        (traffic(breeds=3), "breed mix"),
        (traffic(breeds=30), "breed mix"),  # new ones
    ],
)
def test_changed_traffic_alarms_in_every_window_with_its_reason(changed: Draw, fact: str) -> None:
    seed = seeded(8)
    expected = baseline(traffic(), 200, seed)
    for _ in range(5):
        drifted = drifts(expected, answers(changed, WINDOW, seed))
        assert fact in {drift.fact for drift in drifted}
        assert all(drift.psi >= 0.1 and drift.p < 0.01 for drift in drifted)


def test_the_largest_change_is_in_the_words() -> None:
    seed = seeded(9)
    expected = Baseline(0, {"Beagle": 100, "Pug": 100}, (0.5,) * 50 + (0.9,) * 49)
    window = [Answer("Pug", seed.choice([0.5, 0.9])) for _ in range(WINDOW)]
    [drift] = drifts(expected, window)
    assert drift.change == "Beagle was 50.0% of the dogs, now 0.0%"
    pugs, beagles = [Answer("Pug", 0.5)] * 100, [Answer("Beagle", 0.9)] * 100
    [drift] = drifts(expected, pugs + beagles + [Answer(None, 0.1)] * 100)
    assert drift.change == "no dog in 0.0% of the answers, now in 33.3%"


@pytest.mark.parametrize("dogs", [1, 5, 20])
def test_a_window_of_few_dogs_is_compared(dogs: int) -> None:
    expected = baseline(traffic(), 200, seeded(2))
    window = answers(traffic(no_dog=0.0), dogs, seeded(3)) + [Answer(None, 0.1)] * (WINDOW - dogs)
    assert [drift.fact for drift in drifts(expected, window)] == ["no dog"]


def test_a_window_without_any_dog_alarms() -> None:
    expected = baseline(traffic(), 200, seeded(1))
    [drift] = drifts(expected, [Answer(None, 0.1)] * WINDOW)
    assert drift.fact == "no dog"


def test_a_card_without_a_baseline_is_none() -> None:
    assert Baseline.of_card(None) is None
    assert Baseline.of_card({}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"no_dog": "many"},
        {"no_dog": -1},
        {"breeds": ["Pug"]},
        {"breeds": {}},
        {"confidence": []},
        {"confidence": [0.9, 0.8]},
        {"confidence": None},
    ],
)
def test_a_damaged_baseline_is_refused(change: dict[str, Any]) -> None:
    whole = {"no_dog": 1, "breeds": {"Pug": 3}, "confidence": [0.8, 0.9]}
    assert Baseline.of_card(whole)
    with pytest.raises(BadBaseline, match=r"drift in card\.json is no baseline"):
        Baseline.of_card(whole | change)
    with pytest.raises(BadBaseline):
        Baseline.of_card([1])
