"""Train a network on the CPU, on a GPU, or in many processes.

On a GPU: bf16, channels_last, torch.compile, fused AdamW, and no step waits for the GPU except
those that the watch checks. The averaged weights with the lowest valid loss are kept.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dogbreeds.evaluation.metrics import Labels
from dogbreeds.finetune import checkpoint
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.interrupt import Interrupted, StopRequest, stop_on_signal
from dogbreeds.finetune.measure import ValidMetrics, compute_logits, measure
from dogbreeds.finetune.optimise import build_average, build_optimiser, build_schedule
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
class LabelledPixels:
    """A split: its photos' pixels and breeds."""

    pixels: Pixels
    labels: Labels  # (photos,)


@dataclass(frozen=True)
class Job:
    """A network, its photos and its recipe: all that a fine-tuning needs."""

    network: Network  # the head-only result: where training starts
    recipe: Recipe
    size: int  # pixels, the network's input
    train: LabelledPixels
    valid: LabelledPixels
    adjustment: NDArray[np.float32]  # added to the logits in every loss, (breeds,): head.log_prior
    teacher_probs: Tensor | None  # float16 [train photos, ImageNet classes]; step.py
    world: World
    checkpoints: Path  # folder
    key: str  # of checkpoint.key_of: only a run of the same key resumes the checkpoint


@dataclass(frozen=True)
class Trained:
    """The course of a training; its network has the kept weights."""

    history: list[EpochResult]
    best: ValidMetrics  # on valid
    best_epoch: int
    photos_per_s: float  # of training alone, in this start; 0 where nothing was left to do
    photos: int  # trained on by all processes in this start, each counted in every epoch
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
        SIGTERM or SIGINT came; the state is in a checkpoint, and the same call resumes it.
    watch.StoppedByRule, OSError
    """
    run = Run(job, watch, job.world.device.type == "cuda" if compiled is None else compiled)
    hooks = watch.activations_of(job.network) if watch and not run.compiled else None
    with stop_on_signal() as stop, run.progress, hooks or contextlib.nullcontext():
        for epoch in range(len(run.state.history), job.recipe.epochs):
            run.epoch(epoch, stop)
            if on_epoch:
                on_epoch(EpochResult(**run.state.history[-1]))
            if epoch + 1 - run.state.best["epoch"] >= job.recipe.patience:
                break
    return run.trained()


class Run:
    """The state of a training while it runs; `fit` creates it and calls it for each epoch."""

    def __init__(self, job: Job, watch: Watch | None, compiled: bool) -> None:
        self.job, self.watch, self.compiled = job, watch, compiled
        world, recipe = job.world, job.recipe
        self.device = world.device
        torch.backends.cudnn.benchmark = True  # one input size: the fastest kernels are found once
        photos = len(job.train.labels)
        self.plan = Plan(photos, recipe.batch_size, recipe.seed, world.rank, world.size)
        network = job.network.to(self.device).to(memory_format=torch.channels_last)
        set_training(network, recipe)
        adjustment = torch.from_numpy(job.adjustment).to(self.device)
        step: nn.Module = Step(network, recipe, job.size, adjustment)
        if world.size > 1:
            step = DistributedDataParallel(
                step, device_ids=[self.device.index] if self.device.type == "cuda" else None
            )
        self.step = torch.compile(step) if compiled else step
        self.optimiser = build_optimiser(network, recipe, fused=self.device.type == "cuda")
        steps = recipe.epochs * self.plan.steps
        self.schedule = build_schedule(self.optimiser, recipe, steps)
        self.average = build_average(network, recipe)
        self.labels = torch.from_numpy(job.train.labels).to(self.device)
        self.teacher_probs = (
            job.teacher_probs.to(self.device) if job.teacher_probs is not None else None
        )
        self.state = self._resumed()
        self.schedule.step_update(self.state.step)
        self.progress = Progress("fine-tuning", steps - self.state.step)
        self.saved = self.started = time.monotonic()
        self.seconds_before = self.state.seconds  # trained in earlier starts
        self.photos = self.own_photos = 0
        if watch:
            watch.before_training(of_module(network))

    def _resumed(self) -> checkpoint.State:
        world = self.job.world
        saved = checkpoint.load(self.job.checkpoints, self.job.key) if world.first else None
        state: checkpoint.State | None = world.broadcast(saved)
        if state is None:
            return checkpoint.State(0, {}, {}, {}, [], {}, [0.0, 0.0], 0.0)
        self.job.network.load_state_dict(state.model)
        self.average.module.load_state_dict(state.averaged)
        self.optimiser.load_state_dict(state.optimiser)
        return state

    def epoch(self, epoch: int, stop: StopRequest) -> None:
        """Train the remaining steps of an epoch, and measure on valid."""
        state, plan = self.state, self.plan
        indices_of_steps = plan.epoch(epoch, state.step - epoch * plan.steps)
        sums = torch.tensor(state.sums, dtype=torch.float64, device=self.device)
        set_training(self.job.network, self.job.recipe)
        batches = self.job.train.pixels.batches(indices_of_steps)
        if self.watch:
            batches = self.watch.timed(batches)
        for indices, (pixels, aspects) in zip(indices_of_steps, batches, strict=True):
            self.train_step(indices, pixels, aspects, sums)
            late = time.monotonic() - self.saved > SAVE_EVERY
            if self.job.world.first and (stop.requested or late):
                self._save(sums.tolist())
            if self.job.world.first and stop.requested:
                raise Interrupted(
                    f"A signal ended the training after {state.step:,} steps; its checkpoint is in "
                    f"{self.job.checkpoints}, and the same command resumes it."
                )
        self._measure(epoch, [value / plan.steps for value in sums.tolist()])
        if self.job.world.first:
            self._save([0.0, 0.0])
        state.sums = [0.0, 0.0]

    def train_step(
        self, indices: Sequence[int], pixels: Tensor, aspects: Tensor, sums: Tensor
    ) -> None:
        """Train one step, and add its loss and accuracy to `sums` [2]."""
        state, recipe, device = self.state, self.job.recipe, self.device
        torch.manual_seed(hash((recipe.seed, state.step, self.job.world.rank)) % 2**31)  # dropout's
        rows = torch.tensor(indices)
        draws = self.plan.draws(state.step)
        share = torch.tensor([self.plan.share(state.step, recipe.mixup)])
        if device.type == "cuda":
            rows, draws, share = (
                part.pin_memory().to(device, non_blocking=True) for part in (rows, draws, share)
            )
        teacher_probs = self.teacher_probs[rows] if self.teacher_probs is not None else None
        with _autocast(device):
            output = self.step(pixels, aspects, draws, share, self.labels[rows], teacher_probs)
        torch.autograd.backward(output.loss)
        if self.watch:
            self.watch.step(output.breeds_loss, of_module(self.job.network))
        self.optimiser.step()
        self.optimiser.zero_grad()
        state.step += 1
        self.schedule.step_update(state.step)
        self.average.update(self.job.network, step=state.step)
        sums += torch.stack([output.breeds_loss.detach(), output.accuracy]).double()
        self.photos += self.plan.batch
        self.own_photos += len(pixels)
        if self.job.world.first:
            self.progress.update()

    def _measure(self, epoch: int, means: list[float]) -> None:
        job, state = self.job, self.state
        train_loss, train_top1 = (value / job.world.size for value in job.world.all_reduce(means))
        logits = compute_logits(self.average.module, job.valid.pixels, job.world, self.device)
        valid = measure(logits, job.valid.labels, job.adjustment)
        seconds = self.seconds_before + time.monotonic() - self.started
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
        state.seconds = self.seconds_before + time.monotonic() - self.started
        checkpoint.save(self.job.checkpoints, self.job.key, state)
        self.saved = time.monotonic()

    def trained(self) -> Trained:
        """Load the kept weights into the network and return the course of the training."""
        best = self.state.best
        self.job.network.load_state_dict(best["weights"])
        for parameter in self.job.network.parameters():
            parameter.requires_grad_(True)
        seconds = time.monotonic() - self.started
        return Trained(
            [EpochResult(**entry) for entry in self.state.history],
            ValidMetrics(best["loss"], best["top1"]),
            best["epoch"],
            self.photos / seconds if self.photos else 0.0,
            self.photos,
            self.own_photos,
        )


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.autocast("cuda", torch.bfloat16)
