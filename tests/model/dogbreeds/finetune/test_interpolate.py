from pathlib import Path

import numpy as np
import pytest
import torch

from dogbreeds.finetune.distributed import SINGLE_PROCESS
from dogbreeds.finetune.interpolate import choose, interpolate, largest_share_within_one_error
from tests.model.dogbreeds.finetune.tiny import job, network


def test_interpolated_weights_lie_between_start_and_end() -> None:
    start, end = (
        {"w": torch.zeros(2), "n": torch.tensor(1)},
        {"w": torch.ones(2), "n": torch.tensor(5)},
    )
    state = interpolate(start, end, 0.25)
    assert state["w"].tolist() == [0.25, 0.25] and int(state["n"]) == 5
    assert torch.equal(interpolate(start, end, 0.0)["w"], start["w"])
    assert torch.equal(interpolate(start, end, 1.0)["w"], end["w"])


def test_largest_share_within_one_standard_error_is_chosen() -> None:
    random = np.random.default_rng(1)
    base = random.exponential(0.3, 200)
    noise = random.normal(0, 0.1, 200)
    clearly_worse = base + 0.1 + noise
    no_worse = base + 0.001 + (noise - noise.mean())
    assert largest_share_within_one_error({0.0: base, 0.5: no_worse, 1.0: clearly_worse}) == 0.5
    assert largest_share_within_one_error({0.0: base, 0.5: clearly_worse}) == 0.0
    assert largest_share_within_one_error({0.0: clearly_worse, 1.0: base}) == 1.0


@pytest.mark.parametrize("photos", [1, 10])
def test_of_few_photos_the_lowest_loss_is_taken(photos: int) -> None:
    """Their standard error is so wide that every share would lie within it."""
    losses = np.linspace(0, 1, photos) + 0.1
    assert largest_share_within_one_error({0.0: losses, 1.0: losses[::-1] + 0.01}) == 0.0


@pytest.mark.parametrize("good", [0.0, 1.0])
def test_the_network_gets_the_chosen_weights(good: float, tmp_path: Path) -> None:
    """One end tells the tiny valid set right, the other wrong."""
    work = job(tmp_path)
    right, wrong = network(), network()
    with torch.no_grad():
        for net, sign in ((right, 20.0), (wrong, -20.0)):
            net.breed_head.weight.zero_()
            net.breed_head.bias.copy_(sign * torch.tensor([1.0, 0.0, 0.0]))
    labels = np.zeros(5, np.int64)
    ends = (right, wrong) if good == 0 else (wrong, right)
    start = {name: value.clone() for name, value in ends[0].state_dict().items()}
    choice = choose(
        ends[1],
        start,
        (0.0, 1.0),
        valid=work.valid.pixels,
        labels=labels,
        adjustment=work.adjustment,
        world=SINGLE_PROCESS,
    )
    assert choice.share == good
    assert torch.equal(ends[1].breed_head.bias, right.breed_head.bias)
    assert set(choice.losses) == {"0", "1"}
