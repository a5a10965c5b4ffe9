"""Fine-tune a head-only network: the part of a training that `train.py --finetune` adds.

The first process audits, fits the head and packages. The others run `follow`, which only trains.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dogbreeds.data.dataset import DataError, Dataset, read
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.finetune import checkpoint
from dogbreeds.finetune.cache import open_cache, served_view, training_view
from dogbreeds.finetune.distributed import World
from dogbreeds.finetune.interpolate import choose
from dogbreeds.finetune.loop import Job, LabelledPixels, Trained, fit
from dogbreeds.finetune.pixels import fits_in_memory, open_pixels
from dogbreeds.finetune.recipes import Recipe, input_for, recipe_for
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import EpochResult, log_prior
from dogbreeds.network.network import Network, imagenet_head
from dogbreeds.package.card import IMAGENET_MASS, PreprocessConfig
from dogbreeds.photos.decode import SHORT_SIDE, LoadPhoto, load_photo
from dogbreeds.training.logs import epoch_log
from dogbreeds.training.progress import say
from dogbreeds.training.settings import TrainingSettings
from dogbreeds.watch.watch import Watch

Build = Callable[[Dataset], tuple[Network, PreprocessConfig]]


@dataclass(frozen=True)
class FineTuned:
    """The course of a fine-tuning; its network has the chosen weights."""

    history: list[EpochResult]
    findings: list[dict[str, Any]]  # the watch's
    training: dict[str, Any]  # for the card: the recipe and its results


def recipe_from_settings(settings: TrainingSettings, dataset: Dataset) -> Recipe:
    """Return the recipe that the settings name, or the one for a data set of this size."""
    return recipe_for(len(dataset.of_split("train")), settings.recipe)


def finetune_input(
    settings: TrainingSettings, dataset: Dataset, config: PreprocessConfig
) -> PreprocessConfig:
    """Return the preprocessing of the network that is to be fine-tuned."""
    return input_for(recipe_from_settings(settings, dataset), config, SHORT_SIDE)


def fine_tune(
    settings: TrainingSettings,
    network: Network,
    config: PreprocessConfig,
    dataset: Dataset,
    *,
    world: World,
    load: LoadPhoto = load_photo,
) -> FineTuned:
    """Train `network`, whose head was fitted, in place; the other processes run `follow`.

    Parameters
    ----------
    config : PreprocessConfig
        From `finetune_input`.
    load : callable
        Reads and decodes a photo.

    Raises
    ------
    DataError, PhotoError, Interrupted, StoppedByRule, OSError
        The message is one sentence.
    """
    recipe = recipe_from_settings(settings, dataset)
    teacher_probs = None
    if recipe.distill_weight and network.dog_score == IMAGENET_MASS:
        extractor = Extractor(network, config, settings.cache, settings.threads, load)
        teacher_probs = _teacher_probs(network, extractor, dataset)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    names = [photo.name for photo in dataset.photos]
    world.broadcast((names, start, teacher_probs))
    _require_all_photos(set(), world)
    watch = Watch(classes=len(dataset.labels))
    folder = settings.checkpoints or settings.cache / "checkpoints"
    say(
        f"fine-tuning on {_device_name(world)} by the recipe {recipe.name!r}: "
        f"{recipe.epochs} epochs at {config.size} pixels"
    )
    with epoch_log(settings.out / "tensorboard" / "finetune") as on_epoch:
        job = _job(
            settings, network, config, dataset, world=world, teacher_probs=teacher_probs, load=load
        )
        trained = fit(job, watch=watch, on_epoch=on_epoch)
    _log_photo_share(trained, world)
    valid = job.valid
    choice = choose(
        network,
        start,
        recipe.interpolation_shares,
        valid=valid.pixels,
        labels=valid.labels,
        adjustment=job.adjustment,
        world=world,
    )
    network.to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    checkpoint.remove(folder)
    say(
        f"chosen: the weights at a share of {choice.share:g} from head-only to fine-tuned; "
        f"{trained.photos_per_s:.1f} photos a second"
    )
    return FineTuned(
        trained.history,
        [finding.as_json() for finding in watch.findings],
        recipe.for_card()
        | {
            "best_epoch": trained.best_epoch,
            "interpolation_share": choice.share,
            "valid_loss_by_share": choice.losses,
            "processes": world.size,
            "device": _device_name(world),
        },
    )


def follow(settings: TrainingSettings, build: Build, world: World) -> None:
    """Train with the first process, and write nothing.

    Parameters
    ----------
    build : callable
        Returns the network and its preprocessing for a data set, as in the first process.

    Raises
    ------
    DataError
        The first process failed; its log says why.
    """
    try:
        shared = world.broadcast(None)
        if shared is None:  # nothing is fine-tuned: the valid photos are the backbone's own
            return
        names, start, teacher_probs = shared
        used = set(names)
        all_photos = read(settings.data, settings.channels)
        _require_all_photos(used - {photo.name for photo in all_photos.photos}, world)
        dataset = all_photos.without(p for p in all_photos.photos if p.name not in used)
        network, config = build(dataset)
        network.load_state_dict(start)
        recipe = recipe_from_settings(settings, dataset)
        job = _job(settings, network, config, dataset, world=world, teacher_probs=teacher_probs)
        _log_photo_share(fit(job), world)
        choose(
            network,
            start,
            recipe.interpolation_shares,
            valid=job.valid.pixels,
            labels=job.valid.labels,
            adjustment=job.adjustment,
            world=world,
        )
    except RuntimeError as error:
        if "onnection" not in str(error):  # how gloo and nccl report that a peer has ended
            raise
        raise DataError("The first process has failed; its log says why.") from error


def _require_all_photos(lacking: set[str], world: World) -> None:
    """Fail in all processes if one of them lacks photos, so that none waits for ever."""
    for rank, count in enumerate(world.all_gather(len(lacking))):
        if count:
            raise DataError(
                f"Process {rank + 1} of {world.size} lacks {count:,} of the photos that the first "
                "one has: give every host all photos (S3DataDistributionType FullyReplicated)."
            )


def _log_photo_share(trained: Trained, world: World) -> None:
    if world.size > 1:  # each process logs it: the only line in a second host's log
        say(
            f"process {world.rank + 1} of {world.size}: trained on {trained.own_photos:,} of "
            f"{trained.photos:,} photos"
        )


def _job(
    settings: TrainingSettings,
    network: Network,
    config: PreprocessConfig,
    dataset: Dataset,
    *,
    world: World,
    teacher_probs: Tensor | None,
    load: LoadPhoto = load_photo,
) -> Job:
    recipe = recipe_from_settings(settings, dataset)
    threads = settings.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(max(1, threads // world.local_size))  # the head was fitted on one
    train, valid = dataset.of_split("train"), dataset.of_split("valid")
    if len(train) < world.size or recipe.batch_size % world.size:
        raise DataError(
            f"A batch of {recipe.batch_size} photos cannot be shared evenly by {world.size} "
            "processes; change batch_size by a recipe file, or the number of processes."
        )
    views = (training_view(config), served_view(config))
    pixels, room = [], settings.squares_gb  # of both splits together
    for photos, view in zip((train, valid), views, strict=True):
        paths = [photo.path for photo in photos]
        kept = fits_in_memory(len(paths), view, room)
        if world.local_size > 1 and kept:
            # each decodes its part into the shared cache, and then reads all photos from there
            own = paths[world.local_rank :: world.local_size]
            open_cache(settings.cache, view, own, threads, load)
            world.barrier()
        pixels.append(
            open_pixels(
                paths,
                view,
                cache=settings.cache,
                device=world.device,
                threads=threads,
                host_gb=room,
                processes=world.local_size,
                load=load,
            )
        )
        if kept:
            room -= len(paths) * view.bytes_each / 1e9
    targets = dataset.targets(train)
    return Job(
        network=network,
        recipe=recipe,
        size=config.size,
        train=LabelledPixels(pixels[0], targets),
        valid=LabelledPixels(pixels[1], dataset.targets(valid)),
        adjustment=log_prior(targets, len(dataset.labels)),
        teacher_probs=teacher_probs,
        world=world,
        checkpoints=settings.checkpoints or settings.cache / "checkpoints",
        key=_key(recipe, config, dataset, network),
    )


def _teacher_probs(network: Network, extractor: Extractor, dataset: Dataset) -> Tensor:
    """Return the backbone's ImageNet probabilities of the train photos, float16 [photos, classes].

    The mean over each photo and its mirror image. The features are in the cache already.
    """
    head = imagenet_head(network.backbone)
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    photos = [photo.path for photo in dataset.of_split("train")]
    views = [extractor(photos).vectors, extractor(photos, mirrored=True).vectors]
    mean = sum(softmax(vectors @ weight.T + bias) for vectors in views) / len(views)
    return torch.from_numpy(np.asarray(mean, np.float16))


def _key(recipe: Recipe, config: PreprocessConfig, dataset: Dataset, network: Network) -> str:
    weights = {
        name: float(value.double().abs().sum()) for name, value in network.state_dict().items()
    }
    names = [photo.name for photo in dataset.photos]
    return checkpoint.key_of(recipe.for_card(), str(config), names, weights)


def _device_name(world: World) -> str:
    name = torch.cuda.get_device_name() if world.device.type == "cuda" else "the CPU"
    return name if world.size == 1 else f"{name}, {world.size} processes"
