"""The training itself, on one processor, on a GPU, or shared by many processes.

On a GPU: bf16, channels_last, torch.compile, fused AdamW, and no step waits for the GPU but those
that the watch looks at. The lowest valid loss of the averaged weights is kept.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dogbreeds.evaluation.metrics import Labels
from dogbreeds.finetune import checkpoint
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.interrupt import Interrupted, Stop, listening
from dogbreeds.finetune.measure import Measured, logits_of, measured
from dogbreeds.finetune.optimise import average_of, optimiser_of, schedule_of
from dogbreeds.finetune.pixels import Pixels
from dogbreeds.finetune.plan import Plan
from dogbreeds.finetune.recipes import Recipe
from dogbreeds.finetune.step import Step, set_training
from dogbreeds.network.head import EpochResult
from dogbreeds.network.network import Network
from dogbreeds.training.progress import Progress
from dogbreeds.watch.watch import Watch, of_module

SAVE_EVERY = 300.0  # s between checkpoints within an epoch


@dataclass(frozen=True)
class Photos:
    """A split as the loop takes it."""

    pixels: Pixels
    labels: Labels  # (photos,)


@dataclass(frozen=True)
class Job:
    """What is to be trained, and where."""

    network: Network  # the head-only result: where training starts
    recipe: Recipe
    size: int  # pixels, the network's input
    train: Photos
    valid: Photos
    knew: Tensor | None  # float16 [train photos, ImageNet classes], before training
    world: World
    checkpoints: Path  # folder
    key: str  # of checkpoint.key_of: who may take up the checkpoint in it


@dataclass(frozen=True)
class Trained:
    """How it went; the network has the kept weights."""

    history: list[EpochResult]
    best: Measured  # on valid
    best_epoch: int
    photos_per_s: float  # of training alone, in this start; 0 where nothing was left to do
    photos: int  # that the processes trained on in this start, each as often as it came
    own_photos: int  # this process's share of them


def fit(
    job: Job,
    *,
    watch: Watch | None = None,
    on_epoch: Callable[[EpochResult], None] | None = None,
    compiled: bool | None = None,
) -> Trained:
    """Train `job.network` in place.

    Parameters
    ----------
    compiled : bool, optional
        Whether torch.compile is used; by default on a GPU.

    Raises
    ------
    Interrupted
        SIGTERM or SIGINT came; the state is in a checkpoint, and the same call goes on from it.
    watch.StoppedByRule, OSError
    """
    run = Run(job, watch, job.world.device.type == "cuda" if compiled is None else compiled)
    looking = watch.activations_of(job.network) if watch and not run.compiled else None
    with listening() as stop, looking or contextlib.nullcontext():
        for epoch in range(len(run.state.history), job.recipe.epochs):
            run.epoch(epoch, stop)
            if on_epoch:
                on_epoch(EpochResult(**run.state.history[-1]))
            if epoch + 1 - run.state.best["epoch"] >= job.recipe.patience:
                break
    return run.trained()


class Run:
    """The state of a training while it runs; `fit` is its life from start to end."""

    def __init__(self, job: Job, watch: Watch | None, compiled: bool) -> None:
        self.job, self.watch, self.compiled = job, watch, compiled
        world, recipe = job.world, job.recipe
        self.device = world.device
        torch.backends.cudnn.benchmark = True  # one input size: the fastest kernels are found once
        photos = len(job.train.labels)
        self.plan = Plan(photos, recipe.batch_size, recipe.seed, world.rank, world.size)
        network = job.network.to(self.device).to(memory_format=torch.channels_last)
        set_training(network, recipe)
        step: nn.Module = Step(network, recipe, job.size)
        if world.size > 1:
            step = DistributedDataParallel(
                step, device_ids=[self.device.index] if self.device.type == "cuda" else None
            )
        self.step = torch.compile(step) if compiled else step
        self.optimiser = optimiser_of(network, recipe, fused=self.device.type == "cuda")
        steps = recipe.epochs * self.plan.steps
        self.schedule = schedule_of(self.optimiser, recipe, steps)
        self.average = average_of(network, recipe)
        self.labels = torch.from_numpy(job.train.labels).to(self.device)
        self.knew = job.knew.to(self.device) if job.knew is not None else None
        self.state = self._resumed()
        self.schedule.step_update(self.state.step)
        self.progress = Progress("fine-tuning", steps - self.state.step)
        self.saved = self.started = time.monotonic()
        self.before, self.photos, self.own_photos = self.state.seconds, 0, 0
        if watch:
            watch.before_training(of_module(network))

    def _resumed(self) -> checkpoint.State:
        world = self.job.world
        kept = checkpoint.load(self.job.checkpoints, self.job.key) if world.first else None
        found: checkpoint.State | None = world.told(kept)
        if found is None:
            return checkpoint.State(0, {}, {}, {}, [], {}, [0.0, 0.0], 0.0)
        self.job.network.load_state_dict(found.model)
        self.average.module.load_state_dict(found.averaged)
        self.optimiser.load_state_dict(found.optimiser)
        return found

    def epoch(self, epoch: int, stop: Stop) -> None:
        """Train an epoch, or what is left of it, and measure."""
        state, plan = self.state, self.plan
        todo = plan.epoch(epoch, state.step - epoch * plan.steps)
        sums = torch.tensor(state.sums, dtype=torch.float64, device=self.device)
        set_training(self.job.network, self.job.recipe)
        batches = self.job.train.pixels.batches(todo)
        if self.watch:
            batches = self.watch.loading(batches)
        for chosen, (pixels, aspects) in zip(todo, batches, strict=True):
            self.one(chosen, pixels, aspects, sums)
            late = time.monotonic() - self.saved > SAVE_EVERY
            if self.job.world.first and (stop.asked or late):
                self._save(sums.tolist())
            if self.job.world.first and stop.asked:
                raise Interrupted(
                    f"Training was told to stop and has saved what it learnt in {state.step:,} "
                    f"steps to {self.job.checkpoints}; the same command goes on from there."
                )
        self._measure(epoch, [value / plan.steps for value in sums.tolist()])
        if self.job.world.first:
            self._save([0.0, 0.0])
        state.sums = [0.0, 0.0]

    def one(self, chosen: Sequence[int], pixels: Tensor, aspects: Tensor, sums: Tensor) -> None:
        """Train one step, and add its loss and share told right to `sums` [2]."""
        state, recipe, device = self.state, self.job.recipe, self.device
        torch.manual_seed(hash((recipe.seed, state.step, self.job.world.rank)) % 2**31)  # dropout's
        places = torch.tensor(chosen)
        draws = self.plan.draws(state.step)
        share = torch.tensor([self.plan.share(state.step, recipe.mixup)])
        if device.type == "cuda":
            places, draws, share = (
                part.pin_memory().to(device, non_blocking=True) for part in (places, draws, share)
            )
        knew = self.knew[places] if self.knew is not None else None
        with _autocast(device):
            told = self.step(pixels, aspects, draws, share, self.labels[places], knew)
        torch.autograd.backward(told.loss)
        if self.watch:
            self.watch.step(told.breeds_loss, of_module(self.job.network))
        self.optimiser.step()
        self.optimiser.zero_grad()
        state.step += 1
        self.schedule.step_update(state.step)
        self.average.update(self.job.network, step=state.step)
        sums += torch.stack([told.breeds_loss.detach(), told.right]).double()
        self.photos += self.plan.batch
        self.own_photos += len(pixels)
        if self.job.world.first:
            self.progress.step()

    def _measure(self, epoch: int, means: list[float]) -> None:
        job, state = self.job, self.state
        train_loss, train_top1 = (value / job.world.size for value in job.world.sums(means))
        logits = logits_of(self.average.module, job.valid.pixels, job.world, self.device)
        valid = measured(logits, job.valid.labels)
        seconds = self.before + time.monotonic() - self.started
        result = EpochResult(
            epoch + 1, train_loss, valid.loss, train_top1, valid.top1, round(seconds, 3)
        )
        state.history.append(asdict(result))
        if not state.best or valid.loss < state.best["loss"]:
            weights = {k: v.clone() for k, v in self.average.module.state_dict().items()}
            state.best = {
                "loss": valid.loss, "top1": valid.top1, "epoch": epoch + 1, "weights": weights
            }  # fmt: skip
        if self.watch:
            self.watch.epoch(train_loss, valid.loss, train_top1, valid.top1)

    def _save(self, sums: list[float]) -> None:
        state = self.state
        state.model = self.job.network.state_dict()
        state.averaged = self.average.module.state_dict()
        state.optimiser = self.optimiser.state_dict()
        state.sums = sums
        state.seconds = self.before + time.monotonic() - self.started
        checkpoint.save(self.job.checkpoints, self.job.key, state)
        self.saved = time.monotonic()

    def trained(self) -> Trained:
        """Give the network its kept weights and tell how it went."""
        best = self.state.best
        self.job.network.load_state_dict(best["weights"])
        for parameter in self.job.network.parameters():
            parameter.requires_grad_(True)
        took = time.monotonic() - self.started
        return Trained(
            [EpochResult(**entry) for entry in self.state.history],
            Measured(best["loss"], best["top1"]),
            best["epoch"],
            self.photos / took if self.photos else 0.0,
            self.photos,
            self.own_photos,
        )


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.autocast("cuda", torch.bfloat16)
