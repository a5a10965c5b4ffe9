import numpy as np
import pytest
import torch

from dogbreeds.finetune.plan import Plan


def test_an_epoch_takes_each_photo_once() -> None:
    plan = Plan(photos=12, batch_size=4, seed=1)
    for epoch in (0, 1):
        assert sorted(place for batch in plan.epoch(epoch) for place in batch) == list(range(12))
    assert plan.epoch(0) != plan.epoch(1)
    assert plan.epoch(0) == Plan(12, 4, 1).epoch(0)
    assert plan.epoch(0) != Plan(12, 4, 2).epoch(0)


def test_photos_that_fill_no_batch_come_in_another_epoch() -> None:
    plan = Plan(photos=10, batch_size=4, seed=1)
    assert plan.steps == 2
    assert (
        len({place for epoch in range(9) for batch in plan.epoch(epoch) for place in batch}) == 10
    )


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_one_s_batches(world: int) -> None:
    alone = Plan(20, 6, 3)
    parts = [Plan(20, 6, 3, rank, world) for rank in range(world)]
    for step, batch in enumerate(alone.epoch(1)):
        assert [place for part in parts for place in part.epoch(1)[step]] == batch
    draws = torch.cat([part.draws(7) for part in parts])
    assert torch.equal(draws, alone.draws(7))
    assert {part.share(7, 0.4) for part in parts} == {alone.share(7, 0.4)}


def test_an_epoch_can_be_resumed_at_a_step() -> None:
    plan = Plan(20, 6, 3)
    assert plan.epoch(2, first=1) == plan.epoch(2)[1:]


def test_draws_are_uniform_and_new_in_each_step() -> None:
    plan = Plan(5_000, 5_000, 1)
    draws = plan.draws(0)
    assert float(draws.min()) >= 0 and float(draws.max()) < 1
    np.testing.assert_allclose(draws.mean(dim=0), 0.5, atol=0.03)
    assert not torch.equal(draws, plan.draws(1))


def test_without_mixup_nothing_is_blended() -> None:
    assert Plan(4, 2, 1).share(0, 0.0) == 1.0
    assert {0 < Plan(4, 2, 1).share(step, 0.2) < 1 for step in range(20)} == {True}


def test_fewer_photos_than_a_batch() -> None:
    assert Plan(photos=5, batch_size=32, seed=1).batch == 5
    assert Plan(photos=5, batch_size=32, seed=1, world=2).batch == 4


@pytest.mark.parametrize(("photos", "batch", "world"), [(1, 2, 2), (10, 5, 2)])
def test_a_batch_that_the_processes_cannot_share_is_refused(
    photos: int, batch: int, world: int
) -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        Plan(photos, batch, 1, 0, world)
