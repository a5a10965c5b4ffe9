"""From a head-only network to a fine-tuned one: what `train.py --finetune` adds.

The first process audits, fits the head and packages. Others only train: `follow` is all they run.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dogbreeds.data.dataset import DataError, Dataset, Photo, read
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.finetune import checkpoint
from dogbreeds.finetune.cache import open_cache, served_view, training_view
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.interpolate import choose
from dogbreeds.finetune.loop import Job, Photos, Trained, fit
from dogbreeds.finetune.pixels import fits, pixels_of
from dogbreeds.finetune.recipes import Recipe, input_of, recipe_for
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import EpochResult
from dogbreeds.network.network import Network, imagenet_head
from dogbreeds.package.card import IMAGENET_MASS, PreprocessConfig
from dogbreeds.photos.decode import SHORT_SIDE
from dogbreeds.training.logs import epoch_log
from dogbreeds.training.progress import say
from dogbreeds.training.settings import Settings
from dogbreeds.watch.watch import Watch

Build = Callable[[Dataset], tuple[Network, PreprocessConfig]]


@dataclass(frozen=True)
class Tuned:
    """How a fine-tuning went; the network has its weights."""

    history: list[EpochResult]
    findings: list[dict[str, Any]]  # the watch's
    training: dict[str, Any]  # for the card: settings and what came of them


def recipe_of(settings: Settings, dataset: Dataset) -> Recipe:
    """Return the recipe that was asked for, or the one for a set of this size."""
    return recipe_for(len(dataset.of_split("train")), settings.recipe)


def tuned_input(settings: Settings, dataset: Dataset, step: PreprocessConfig) -> PreprocessConfig:
    """Return how photos come into the network that is to be fine-tuned."""
    return input_of(recipe_of(settings, dataset), step, SHORT_SIDE)


def fine_tune(
    settings: Settings, network: Network, step: PreprocessConfig, dataset: Dataset, world: World
) -> Tuned:
    """Train `network`, whose head was fitted, in place, together with the processes that follow.

    Parameters
    ----------
    step : PreprocessConfig
        From `tuned_input`.

    Raises
    ------
    DataError, PhotoError, Interrupted, StoppedByRule, OSError
        The message is one sentence.
    """
    recipe = recipe_of(settings, dataset)
    knew = _knew(settings, network, step, dataset) if recipe.remember else None
    start = {name: value.clone() for name, value in network.state_dict().items()}
    names = [photo.name for photo in dataset.photos]
    world.told((names, start, knew))
    _same_photos(set(), world)
    watch = Watch(classes=len(dataset.labels))
    folder = settings.checkpoints or settings.cache / "checkpoints"
    say(
        f"fine-tuning by the recipe {recipe.name!r} at {step.size} pixels on {_where(world)}: "
        f"{recipe.epochs} epochs"
    )
    with epoch_log(settings.out / "tensorboard" / "finetune") as on_epoch:
        job = _job(settings, network, step, dataset, world=world, knew=knew)
        trained = fit(job, watch=watch, on_epoch=on_epoch)
    _tell_share(trained, world)
    valid = job.valid
    choice = choose(
        network, start, recipe.averages, valid=valid.pixels, labels=valid.labels, world=world
    )
    network.to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    checkpoint.remove(folder)
    say(
        f"taken: the weights at {choice.share:g} of the way from head-only to fine-tuned; "
        f"{trained.photos_per_s:.1f} photos a second"
    )
    return Tuned(
        trained.history,
        [finding.as_json() for finding in watch.findings],
        recipe.for_card()
        | {
            "best_epoch": trained.best_epoch,
            "average": choice.share,
            "valid_loss_by_average": choice.losses,
            "processes": world.size,
            "device": _where(world),
        },
    )


def follow(settings: Settings, build: Build, world: World) -> None:
    """Train with the first process, and write nothing.

    Parameters
    ----------
    build : callable
        Given the data set, returns (network, its input step) as the first process has them.

    Raises
    ------
    DataError
        The first process ended before the training was over; its log says why.
    """
    try:
        names, start, knew = world.told(None)
        kept = set(names)
        found = read(settings.data, settings.channels)
        _same_photos(kept - {photo.name for photo in found.photos}, world)
        dataset = found.without(photo for photo in found.photos if photo.name not in kept)
        network, step = build(dataset)
        network.load_state_dict(start)
        recipe = recipe_of(settings, dataset)
        job = _job(settings, network, step, dataset, world=world, knew=knew)
        _tell_share(fit(job), world)
        choose(
            network,
            start,
            recipe.averages,
            valid=job.valid.pixels,
            labels=job.valid.labels,
            world=world,
        )
    except RuntimeError as error:
        if "onnection" not in str(error):  # gloo's and nccl's word for a peer that has gone
            raise
        raise DataError("The first process has ended; its log says why.") from error


def _same_photos(lacking: set[str], world: World) -> None:
    """End all processes when one of them lacks photos: they would wait for each other for ever."""
    for rank, count in enumerate(world.gathered(len(lacking))):
        if count:
            raise DataError(
                f"Process {rank + 1} of {world.size} lacks {count:,} of the photos that the first "
                "one has: give every host all photos (S3DataDistributionType FullyReplicated)."
            )


def _tell_share(trained: Trained, world: World) -> None:
    if world.size > 1:  # said by each: the only line in a second host's log
        say(
            f"process {world.rank + 1} of {world.size}: trained on {trained.own_photos:,} of "
            f"{trained.photos:,} photos"
        )


def _job(
    settings: Settings,
    network: Network,
    step: PreprocessConfig,
    dataset: Dataset,
    *,
    world: World,
    knew: Tensor | None,
) -> Job:
    recipe = recipe_of(settings, dataset)
    threads = settings.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(max(1, threads // world.on_this_host))  # the head was fitted on one
    train, valid = dataset.of_split("train"), dataset.of_split("valid")
    if len(train) < world.size or recipe.batch_size % world.size:
        raise DataError(
            f"A batch of {recipe.batch_size} photos cannot be shared evenly by {world.size} "
            "processes; change batch_size by a recipe file, or the number of processes."
        )
    views = (training_view(step), served_view(step))
    pixels, room = [], settings.host_gb  # of both splits together
    for photos, view in zip((train, valid), views, strict=True):
        paths = [photo.path for photo in photos]
        kept = fits(len(paths), view, room)
        if world.on_this_host > 1 and kept:
            # each decodes its part into the cache that they share, and then finds all of them there
            open_cache(settings.cache, view, paths[world.local_rank :: world.on_this_host], threads)
            world.wait()
        pixels.append(
            pixels_of(
                paths,
                view,
                cache=settings.cache,
                device=world.device,
                threads=threads,
                host_gb=room,
                processes=world.on_this_host,
            )
        )
        if kept:
            room -= len(paths) * view.bytes_each / 1e9
    return Job(
        network=network,
        recipe=recipe,
        size=step.size,
        train=Photos(pixels[0], _labels(train, dataset)),
        valid=Photos(pixels[1], _labels(valid, dataset)),
        knew=knew,
        world=world,
        checkpoints=settings.checkpoints or settings.cache / "checkpoints",
        key=_key(recipe, step, dataset, network),
    )


def _knew(
    settings: Settings, network: Network, step: PreprocessConfig, dataset: Dataset
) -> Tensor | None:
    """Return what the backbone says of the train photos' ImageNet classes, float16."""
    if network.dog_score != IMAGENET_MASS:
        return None
    head = imagenet_head(network.backbone)
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    extractor = Extractor(network, step, settings.cache, settings.threads)
    photos = [photo.path for photo in dataset.of_split("train")]
    views = [extractor(photos).vectors, extractor(photos, mirrored=True).vectors]  # kept: no work
    mean = sum(softmax(vectors @ weight.T + bias) for vectors in views) / len(views)
    return torch.from_numpy(np.asarray(mean, np.float16))


def _labels(photos: tuple[Photo, ...], dataset: Dataset) -> Any:
    place = {breed: index for index, breed in enumerate(dataset.breeds)}
    return np.array([place[photo.breed] for photo in photos], np.int64)


def _key(recipe: Recipe, step: PreprocessConfig, dataset: Dataset, network: Network) -> str:
    weights = {
        name: float(value.double().abs().sum()) for name, value in network.state_dict().items()
    }
    names = [photo.name for photo in dataset.photos]
    return checkpoint.key_of(recipe.for_card(), str(step), names, weights)


def _where(world: World) -> str:
    name = torch.cuda.get_device_name() if world.device.type == "cuda" else "the processor"
    return name if world.size == 1 else f"{name}, {world.size} processes"
