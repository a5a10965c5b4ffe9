import math

import numpy as np
import pytest

from dogbreeds.data.imagenet import DOG_CLASSES
from dogbreeds.network.head import (
    MAX_SCALE,
    UNKNOWN_SHARE,
    EpochResult,
    Head,
    Prior,
    Samples,
    fit_head,
    log_prior,
    prior_head,
    zero_prior,
)
from dogbreeds.package.card import Breed
from dogbreeds.training.settings import HeadSettings
from dogbreeds.watch.watch import StoppedByRule, Watch
from tests.model.learning import clouds

CHIHUAHUA, BEAGLE = Breed("Chihuahua", "n02085620"), Breed("Beagle", "n02088364")
HAVANESE = Breed("Havanese", "")


@pytest.fixture
def imagenet() -> Head:
    random = np.random.default_rng(1)
    return Head(
        random.normal(0, 0.1, (1000, 12)).astype(np.float32),
        random.normal(0, 0.1, 1000).astype(np.float32),
    )


def test_known_breeds_get_their_rows_times_one_scale(imagenet: Head) -> None:
    prior = prior_head(imagenet, [BEAGLE, CHIHUAHUA, HAVANESE], clouds(0, 30))
    rows = imagenet.weight[[162, 151]]
    scale = prior.head.weight[0, 0] / rows[0, 0]
    assert 0 < scale <= MAX_SCALE
    np.testing.assert_allclose(prior.head.weight[:2], rows * scale, rtol=1e-5)
    np.testing.assert_allclose(prior.head.bias[:2], imagenet.bias[[162, 151]] * scale, rtol=1e-5)
    dogs = imagenet.weight[list(DOG_CLASSES)].mean(axis=0)
    np.testing.assert_allclose(prior.head.weight[2], dogs * scale, rtol=1e-4)
    np.testing.assert_allclose(prior.pull, [1, 1, UNKNOWN_SHARE])


def test_few_photos_all_right_do_not_scale_the_rows_without_bound() -> None:
    weight = np.zeros((1000, 12), np.float32)
    weight[162, 0] = weight[151, 1] = 0.1
    sure = clouds(0, 40, breeds=2, spread=0.01)
    prior = prior_head(Head(weight, np.zeros(1000, np.float32)), [BEAGLE, CHIHUAHUA], sure)
    assert prior.head.weight[0, 0] == pytest.approx(0.1 * MAX_SCALE)


def test_strong_shrinkage_leaves_the_pretrained_head(imagenet: Head) -> None:
    samples = clouds(0, 30)
    prior = prior_head(imagenet, [BEAGLE, CHIHUAHUA, Breed("Dingo", "n02115641")], samples)
    weak, _ = fit_head(prior, samples, None, HeadSettings(shrinkage=0.01))
    strong, _ = fit_head(prior, samples, None, HeadSettings(shrinkage=1000, learning_rate=1e-4))
    moved = [np.abs(head.weight - prior.head.weight).max() for head in (weak, strong)]
    assert moved[1] < 0.01 < moved[0]


def test_the_fit_is_the_minimum_of_its_loss() -> None:
    """At the minimum the cross-entropy's gradient is shrinkage x (prior - weight), exactly."""
    samples, prior = clouds(0, 30), zero_prior(3, 12)
    settings = HeadSettings(shrinkage=0.1, batch_size=90, epochs=500, learning_rate=0.05)
    head, _ = fit_head(prior, samples, None, settings)
    logits = head.logits(samples.features).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = shares - np.eye(3)[samples.labels]
    gradient = error.T @ samples.features / len(samples)
    np.testing.assert_allclose(gradient + 0.1 * head.weight, 0, atol=2e-4)


def test_learning_beats_guessing_and_each_epoch_is_reported() -> None:
    seen: list[EpochResult] = []
    head, history = fit_head(
        zero_prior(3, 12), clouds(0, 30), clouds(1, 30), HeadSettings(), on_epoch=seen.append
    )
    assert history == seen and [entry.epoch for entry in history] == list(range(1, 31))
    assert history[-1].valid_loss < 0.3 < math.log(3)
    assert history[-1].valid_top1 > 0.9
    last = clouds(1, 30)
    right = (head.logits(last.features).argmax(axis=1) == last.labels).mean()
    assert history[-1].valid_top1 == pytest.approx(right)


def test_the_loss_is_a_mean_whatever_the_batch() -> None:
    """A sum over batches would make the loss depend on the batch size, as public copies have it."""
    still = HeadSettings(learning_rate=1e-9, epochs=1)
    losses = [
        fit_head(zero_prior(3, 12), clouds(0, 50), clouds(1, 50), HeadSettings(
            learning_rate=still.learning_rate, epochs=1, batch_size=batch
        ))[1][0].valid_loss
        for batch in (1, 32, 512)
    ]  # fmt: skip
    assert losses == pytest.approx([math.log(3)] * 3, rel=1e-4)


def test_same_seed_same_bits_other_seed_others() -> None:
    def fit(seed: int) -> bytes:
        head, _ = fit_head(zero_prior(3, 12), clouds(0, 50), None, HeadSettings(seed=seed))
        return head.weight.tobytes() + head.bias.tobytes()

    assert fit(1) == fit(1) != fit(2)


def test_watch_stops_a_fit_that_meets_a_nan() -> None:
    sick = clouds(0, 30)
    features = sick.features.copy()
    features[3, 3] = np.nan
    with pytest.raises(StoppedByRule, match="nan-or-infinity"):
        fit_head(
            zero_prior(3, 12),
            Samples(features, sick.labels),
            None,
            HeadSettings(),
            watch=Watch(classes=3, report=lambda _: None),
        )


def test_watch_finds_nothing_in_a_healthy_fit() -> None:
    watch = Watch(classes=3)
    fit_head(zero_prior(3, 12), clouds(0, 50), clouds(1, 50), HeadSettings(), watch=watch)
    assert watch.findings == []


def test_only_an_uneven_set_is_adjusted() -> None:
    even = log_prior(np.repeat([0, 1], [50, 10]), 2)
    assert even.tolist() == [0, 0]
    uneven = log_prior(np.repeat([0, 1, 2], [51, 10, 29]), 3)
    np.testing.assert_allclose(np.exp(uneven), np.array([51, 10, 29]) / 30, rtol=1e-5)
    assert np.isfinite(log_prior(np.zeros(8, np.int64), 2)).all()


def test_a_small_breed_is_recalled_more_often_with_adjusted_logits() -> None:
    sets = [clouds(seed, 200, breeds=2, spread=1.6) for seed in (0, 1)]
    keep = np.r_[0:200, 200:210]  # 200 of the one breed, 10 of the other
    train = Samples(sets[0].features[keep], sets[0].labels[keep])
    none = np.zeros(2, np.float32)
    recalls = []
    for adjustment in (none, None):
        head, _ = fit_head(zero_prior(2, 12), train, None, HeadSettings(), adjustment=adjustment)
        right = head.logits(sets[1].features).argmax(axis=1) == sets[1].labels
        recalls.append(right[200:].mean())
    assert recalls[1] > recalls[0] + 0.1


def test_a_breed_without_photos_in_train_keeps_its_row() -> None:
    samples = clouds(0, 30)
    weight = np.eye(4, 12, dtype=np.float32)
    prior = Prior(Head(weight, np.zeros(4, np.float32)), np.ones(4, np.float32))
    head, _ = fit_head(prior, samples, None, HeadSettings(shrinkage=1.0))
    assert np.isfinite(head.weight).all()
    assert head.weight[3, 3] > 0.5
