"""The baseline is of the answers as they are served."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dogbreeds.evaluation.evaluate import Predictions
from dogbreeds.package.card import Card, PackageError
from dogbreeds.package.drift import drift_baseline
from drift.compare import WINDOW, Answer, Baseline, drifts

BREEDS = ["Beagle", "Pug", "Samoyed"]


def predictions(count: int, seed: int = 1) -> Predictions:
    random = np.random.default_rng(seed)
    return Predictions(random.normal(0, 4, (count, 3)), random.uniform(0.1, 1, count))


def answers(card: Card, of: Predictions) -> list[Answer]:
    """Return answers as the server gives them."""
    result = []
    for logits, score in zip(of.logits / card.temperature, of.scores, strict=True):
        shares = np.exp(logits) / np.exp(logits).sum()
        is_dog = score >= card.dog_threshold
        breed = BREEDS[int(shares.argmax())] if is_dog else None
        result.append(Answer(breed, float(shares.max())))
    return result


def test_baseline_is_of_calibrated_answers_and_the_dog_threshold(package: Path) -> None:
    card = replace(Card.read(package), temperature=2.0, dog_threshold=0.4)
    photos = predictions(500)
    baseline = drift_baseline(photos, card, BREEDS)
    served = answers(card, photos)
    dogs = sorted(answer.confidence for answer in served if answer.breed)
    assert baseline["no_dog"] == 500 - len(dogs)
    assert baseline["breeds"] == {
        breed: sum(answer.breed == breed for answer in served) for breed in BREEDS
    }
    assert len(baseline["confidence"]) == 99
    middle = dogs[-(-len(dogs) // 2) - 1]
    assert baseline["confidence"][49] == pytest.approx(middle, abs=1e-4)


def test_a_card_carries_it_to_the_comparison(package: Path, tmp_path: Path) -> None:
    card = Card.read(package)
    assert card.drift == {}  # the pretrained one has seen no valid photo
    with_it = replace(card, drift=drift_baseline(predictions(500), card, BREEDS))
    (tmp_path / "card.json").write_text(with_it.to_json())
    assert Card.read(tmp_path) == with_it
    baseline = Baseline.of_card(with_it.drift)
    assert baseline
    window = answers(card, predictions(WINDOW, seed=2))
    assert drifts(baseline, window) == []
    less_sure = answers(replace(card, temperature=4.0), predictions(WINDOW, seed=2))
    assert [drift.fact for drift in drifts(baseline, less_sure)] == ["confidence"]


def test_without_any_dog_there_is_no_baseline(package: Path) -> None:
    card = replace(Card.read(package), dog_threshold=2.0)
    assert drift_baseline(predictions(20), card, BREEDS) == {}


def test_card_with_a_damaged_baseline_is_refused(package: Path, tmp_path: Path) -> None:
    text = Card.read(package).to_json().replace('"drift": {}', '"drift": 3')
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(PackageError, match=r"card\.json of the model package holds a wrong value"):
        Card.read(tmp_path)
