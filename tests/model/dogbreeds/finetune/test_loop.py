"""The loop on a tiny network: learning, interruption, two processes for one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dogbreeds.finetune.checkpoint import NAME
from dogbreeds.finetune.interrupt import Interrupted
from dogbreeds.finetune.loop import Job, LabelledPixels, Trained, fit
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.watch.watch import StoppedByRule, Watch
from tests.model.dogbreeds.finetune.tiny import RECIPE, job

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parents[4]


class StopsAt:
    """Pixels that send this process a signal before a batch."""

    def __init__(self, pixels: Pixels, batch: int, number: signal.Signals) -> None:
        self.pixels, self.batch, self.number, self.given = pixels, batch, number, 0

    def __len__(self) -> int:
        return len(self.pixels)

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self.pixels.batches(plan):
            self.given += 1
            if self.given == self.batch:
                os.kill(os.getpid(), self.number)
            yield batch


def interrupted(work: Job, batch: int, number: signal.Signals = signal.SIGTERM) -> Job:
    pixels = StopsAt(work.train.pixels, batch, number)
    return replace(work, train=LabelledPixels(pixels, work.train.labels))


def weights(work: Job) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in work.network.state_dict().items()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, dict[str, Tensor]]:
    """A training from start to end by one process, and the weights that it ends with."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    work = job(tmp_path_factory.mktemp("uninterrupted"))
    trained = fit(work)
    torch.set_num_threads(before)
    return trained, weights(work)


def test_fine_tuning_learns_its_photos(tmp_path: Path) -> None:
    still = replace(RECIPE, distill_weight=0.0, jitter=0.0, smallest_crop=0.9, frozen_norms=False)
    trained = fit(job(tmp_path, replace(still, epochs=30, patience=30, learning_rate=1e-2)))
    assert trained.history[-1].train_loss < 0.5 * trained.history[0].train_loss
    assert trained.history[-1].train_top1 > 0.8
    assert [entry.epoch for entry in trained.history] == list(range(1, 31))
    assert trained.photos_per_s > 0


@pytest.mark.parametrize("batch", [1, 2, 3, 5])  # within an epoch, and as the last of one
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_interrupted_and_resumed_is_as_uninterrupted(
    batch: int,
    number: signal.Signals,
    uninterrupted: tuple[Trained, dict[str, Tensor]],
    tmp_path: Path,
) -> None:
    expected, expected_weights = uninterrupted
    work = job(tmp_path / "work")
    with pytest.raises(Interrupted, match="the same command resumes it"):
        fit(interrupted(work, batch, number))
    assert (tmp_path / "work" / "checkpoints" / NAME).is_file()
    resumed = job(tmp_path / "work")
    trained = fit(resumed)
    for name, value in expected_weights.items():
        assert torch.equal(value, weights(resumed)[name]), name
    assert [replace(e, seconds=0) for e in trained.history] == [
        replace(e, seconds=0) for e in expected.history
    ]
    assert trained.best == expected.best


def test_signals_are_as_before_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted):
        fit(interrupted(job(tmp_path), 1))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_checkpoint_of_another_run_is_not_resumed(
    uninterrupted: tuple[Trained, dict[str, Tensor]], tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        fit(interrupted(job(tmp_path, key="of other settings"), 4))
    trained = fit(job(tmp_path))
    expected = uninterrupted[0].history
    assert [e.train_loss for e in trained.history] == [e.train_loss for e in expected]


def test_a_broken_checkpoint_is_not_resumed(
    uninterrupted: tuple[Trained, dict[str, Tensor]], tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        fit(interrupted(job(tmp_path), 4))
    file = tmp_path / "checkpoints" / NAME
    file.write_bytes(file.read_bytes()[:-1000])
    trained = fit(job(tmp_path))
    expected = uninterrupted[0].history
    assert [e.train_loss for e in trained.history] == [e.train_loss for e in expected]


def test_epochs_end_early_when_valid_gets_no_better(tmp_path: Path) -> None:
    recipe = replace(RECIPE, learning_rate=0.5, epochs=20, patience=2, ema=0.0)
    trained = fit(job(tmp_path, recipe))
    assert len(trained.history) == trained.best_epoch + 2
    assert trained.best.loss == min(entry.valid_loss for entry in trained.history)


def test_the_watch_stops_what_cannot_learn(tmp_path: Path) -> None:
    work = job(tmp_path)
    with torch.no_grad():
        work.network.breed_head.weight[0, 0] = float("nan")
    with pytest.raises(StoppedByRule, match="nan-or-infinity"):
        fit(work, watch=Watch(classes=3, report=lambda _: None))


def test_frozen_stages_and_the_imagenet_head_stay(tmp_path: Path) -> None:
    work = job(tmp_path, replace(RECIPE, frozen_stages=2, interpolation_shares=(1.0,)))
    before = weights(work)
    fit(work)
    after = weights(work)
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert "breed_head.weight" in changed
    frozen = ("backbone.fc", "backbone.conv1", "backbone.bn1", "backbone.layer1")  # stem, 1
    assert not [name for name in changed if name.startswith(frozen)]
    assert not [name for name in changed if "running" in name]  # frozen norms
    assert [name for name in changed if name.startswith("backbone.layer4")]


@pytest.mark.parametrize("mixup", [0.0, pytest.param(0.4, marks=pytest.mark.slow)])
def test_two_processes_learn_as_one(
    mixup: float, uninterrupted: tuple[Trained, dict[str, Tensor]], tmp_path: Path
) -> None:
    """Shares of a batch sum to the whole up to rounding: losses agree to 1e-4 relative."""
    if mixup:
        alone = fit(job(tmp_path / "alone", replace(RECIPE, mixup=mixup)))
    else:
        alone = uninterrupted[0]
    program = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = os.pathsep.join([str(ROOT / "model"), str(ROOT)])
    done = subprocess.run(
        [*command, str(program), str(tmp_path / "two"), str(mixup)],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads((tmp_path / "two" / f"{rank}.json").read_text()) for rank in (0, 1)]
    for rank in results:
        assert rank["train"] == pytest.approx([e.train_loss for e in alone.history], rel=1e-4)
        assert rank["valid"] == pytest.approx([e.valid_loss for e in alone.history], rel=1e-4)
    # each took half of every batch, and no photo twice
    assert not set(results[0]["first_batch"]) & set(results[1]["first_batch"])
    assert [len(rank["first_batch"]) for rank in results] == [2, 2]


def test_outside_the_main_thread_it_trains_all_the_same(tmp_path: Path) -> None:
    losses: list[float] = []
    work = job(tmp_path, replace(RECIPE, epochs=1))
    thread = threading.Thread(target=lambda: losses.append(fit(work).best.loss))
    thread.start()
    thread.join(120)
    assert losses and losses[0] > 0


def test_seconds_count_through_all_starts(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Interrupted):
        fit(interrupted(job(tmp_path), 4))
    trained = fit(job(tmp_path))
    seconds = [entry.seconds for entry in trained.history]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= time.monotonic() - began
