"""Measure photos a second of fine-tuning on a GPU, against synthetic data and the course's loop.

    python bench/train_gpu.py                      # ResNet-50 at 224, one GPU: about three minutes
    python bench/train_gpu.py --data FOLDER        # the same on photos of yours, enlarged

Kennel's loop is `finetune.loop`: photos decoded once, held in the GPU's memory as uint8 and
augmented there, bf16, channels_last, torch.compile, fused AdamW, moving average, watch. With
synthetic data the same loop reuses one batch of pixels, without gather and augmentation. The
course's loop is fp32 with a DataLoader without workers, torchvision's transforms and Adam. Weights
are random, since speed does not depend on them.

Without --data the photos are generated: 1,110 JPEGs of clouds with a grain, from a seed, 667 x 500
and 138 KB; the time to decode a JPEG depends on its size, not on what it shows. FOLDER is a data
set as training reads it; its photos are enlarged to a shorter side of 500, or of --side (0: not
enlarged). The last line is JSON and records which photos were used.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from bench_photos import SIDE, photos_of
from dogbreeds.data.dataset import Dataset
from dogbreeds.finetune.cache import served_view, training_view
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.loop import Job, LabelledPixels, Run
from dogbreeds.finetune.pixels import Pixels, open_pixels
from dogbreeds.finetune.recipes import LARGE
from dogbreeds.network.head import log_prior
from dogbreeds.network.network import Network
from dogbreeds.package.card import MAX_PROBABILITY, PreprocessConfig
from dogbreeds.watch.watch import Watch

SIZE, BATCH = 224, 256
STEP = PreprocessConfig(SIZE, 0.95, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
WARM_UP, STEPS, ROUNDS = 20, 60, 3  # steps: compiling, then each round's
COURSE_STEPS, COURSE_BATCH = 8, 64


class Repeated:
    """A training set repeated `times`: the loop waits between epochs, and short ones wait often."""

    def __init__(self, pixels: Pixels, times: int) -> None:
        self.pixels, self.times = pixels, times

    def __len__(self) -> int:
        return len(self.pixels) * self.times

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the photos at the places modulo the set's size."""
        count = len(self.pixels)
        return self.pixels.batches([place % count for place in chosen] for chosen in plan)


class NoData:
    """Synthetic data: the same pixels for every batch."""

    def __init__(self, count: int, side: int, batch: int, device: torch.device) -> None:
        self.count = count
        self.batch = torch.randint(0, 256, (batch, side, side, 3), dtype=torch.uint8).to(device)
        self.aspects = torch.ones(batch, device=device)

    def __len__(self) -> int:
        return self.count

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batch."""
        for _ in plan:
            yield self.batch, self.aspects


def job_of(dataset: Dataset, cache: Path, network: Network, device: torch.device) -> Job:
    """Return a training on `dataset`, repeated until one epoch has all timed steps."""
    parts = []
    views = (training_view(STEP), served_view(STEP))
    for split, view in zip(("train", "valid"), views, strict=True):
        photos = dataset.of_split(split)
        pixels = open_pixels(
            [photo.path for photo in photos],
            view,
            cache=cache,
            device=device,
            threads=16,
            host_gb=64,
        )
        parts.append(LabelledPixels(pixels, dataset.targets(photos)))
    steps = WARM_UP + ROUNDS * STEPS + 1
    times = -(-steps * BATCH // len(parts[0].labels))
    labels = torch.from_numpy(parts[0].labels).repeat(times).numpy()
    return Job(
        network=network,
        recipe=replace(LARGE, batch_size=BATCH, epochs=1, distill_weight=0.0),
        size=SIZE,
        train=LabelledPixels(Repeated(parts[0].pixels, times), labels),
        valid=parts[1],
        adjustment=log_prior(labels, len(dataset.labels)),
        teacher_probs=None,
        world=World(),
        checkpoints=cache / "checkpoints",
        key="bench",
    )


def network_of(dataset: Dataset, device: torch.device) -> Network:
    """Return a ResNet-50 with random weights."""
    torch.manual_seed(0)
    backbone = timm.create_model("resnet50")
    return Network(backbone, len(dataset.labels), STEP, MAX_PROBABILITY).to(device)


def rounds_of(job: Job, bare: bool) -> Callable[[], float]:
    """Return a function that trains STEPS steps and gives photos a second."""
    watch = Watch(classes=len(job.valid.labels), report=lambda _: None)
    run = Run(job, watch, job.world.device.type == "cuda")
    if bare:  # without augmentation
        run.step = torch.compile(Bare(job)) if run.compiled else Bare(job)
    sums = torch.zeros(2, dtype=torch.float64, device=run.device)
    todo = run.plan.epoch(0)
    batches = watch.timed(job.train.pixels.batches(todo))
    places = iter(todo)

    def steps(count: int) -> float:
        drain()
        began = time.perf_counter()
        for _, chosen, (pixels, aspects) in zip(range(count), places, batches, strict=False):
            run.train_step(chosen, pixels, aspects, sums)
        drain()
        return count * BATCH / (time.perf_counter() - began)

    steps(WARM_UP)
    return lambda: steps(STEPS)


class Bare(nn.Module):
    """finetune.step.Step without augmentation."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.network, self.smoothing = job.network, job.recipe.label_smoothing

    def forward(
        self, pixels: Tensor, _: Tensor, __: Tensor, ___: Tensor, labels: Tensor, ____: None
    ) -> Any:
        """Return the same output as Step."""
        from dogbreeds.finetune.step import StepOutput  # noqa: PLC0415

        logits = self.network.breed_head(self.network.features(pixels)).float()
        loss = cross_entropy(logits, labels, label_smoothing=self.smoothing)
        return StepOutput(loss, loss, (logits.argmax(dim=1) == labels).float().mean())


def course(dataset: Dataset, device: torch.device) -> float:
    """Return photos a second of the course's loop, here on the GPU."""
    from torchvision import datasets, transforms  # noqa: PLC0415

    train = dataset.of_split("train")
    if len(train) < COURSE_BATCH:
        sys.exit(
            f"There are {len(train)} photos in train, and the course's loop takes {COURSE_BATCH} "
            "at a time: name a folder with more, or none."
        )
    folder = train[0].path.parent.parent
    augmentation = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
    )
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(str(folder), augmentation),
        batch_size=COURSE_BATCH,
        shuffle=True,
        drop_last=True,  # every step has a whole batch
    )
    network = timm.create_model("resnet50", num_classes=len(dataset.labels)).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    done, began = -2, 0.0
    while True:
        for photos, labels in loader:
            if done == 0:  # the first two steps choose kernels
                drain()
                began = time.perf_counter()
            optimiser.zero_grad()
            loss = cross_entropy(network(photos.to(device)), labels.to(device))
            torch.autograd.backward(loss)
            optimiser.step()
            loss.item()
            done += 1
            if done == COURSE_STEPS:
                drain()
                return COURSE_STEPS * COURSE_BATCH / (time.perf_counter() - began)


def drain() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    """Time the three loops, the first two alternately, and print the line of JSON."""
    parser = argparse.ArgumentParser(description="Fine-tuning's speed on a GPU.")
    parser.add_argument("--data", type=Path, help="by default photos are generated")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the shorter side")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("There is no GPU here; this bench needs one.")
    device = World().device
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as name:
        dataset = photos_of(arguments.data, arguments.side, Path(name) / "photos")
        sizes = [photo.path.stat().st_size for photo in dataset.photos]
        began = time.monotonic()
        job = job_of(dataset, Path(name), network_of(dataset, device), device)
        cached = time.monotonic() - began
        bare = replace(
            job_of(dataset, Path(name), network_of(dataset, device), device),
            train=LabelledPixels(
                NoData(len(job.train.labels), SIZE, BATCH, device), job.train.labels
            ),
        )
        torch.cuda.reset_peak_memory_stats()
        kennel = rounds_of(job, bare=False)
        peak = torch.cuda.max_memory_allocated() / 1024**3
        synthetic = rounds_of(bare, bare=True)
        pairs = [(kennel(), synthetic()) for _ in range(ROUNDS)]
        course_speed = course(dataset, device)
    speed = statistics.median(pair[0] for pair in pairs)
    share = statistics.median(pair[0] / pair[1] for pair in pairs)
    for real, without_data in pairs:
        print(f"Kennel {real:,.0f} photos/s, with synthetic data {without_data:,.0f}")
    print(
        f"the course's loop {course_speed:,.0f}; {cached:.1f} s to decode and load; {peak:.1f} GiB"
    )
    print(
        json.dumps(
            {
                "photos_per_s": round(speed, 1),
                "of_synthetic": round(share, 4),
                "over_course": round(speed / course_speed, 1),
                "course_photos_per_s": round(course_speed, 1),
                "peak_gpu_gb": round(peak, 2),
                "decode_s": round(cached, 1),
                "batch": BATCH,
                "photos": "made" if arguments.data is None else arguments.data.name,
                "side": arguments.side,
                "photo_kb": round(statistics.mean(sizes) / 1000, 1),
                "device": torch.cuda.get_device_name(),
            }
        )
    )


if __name__ == "__main__":
    main()
