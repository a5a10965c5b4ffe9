"""Head-only learning: the backbone's features once, then a head on them; the network is left whole.

A search of any length costs one pass over the photos.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dogbreeds.data.audit_rules import Finding
from dogbreeds.data.dataset import Dataset
from dogbreeds.data.wrong_labels import out_of_sample, sentence, suspects
from dogbreeds.evaluation.metrics import Labels
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import (
    EpochResult,
    Head,
    HeadSettings,
    Prior,
    Samples,
    fit_head,
    prior_head,
    zero_prior,
)
from dogbreeds.network.network import Network, imagenet_head
from dogbreeds.network.weights import Backbone
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.training.logs import epoch_log
from dogbreeds.training.progress import say
from dogbreeds.training.search import Trial, search
from dogbreeds.training.settings import Settings
from dogbreeds.watch.watch import Watch


@dataclass(frozen=True)
class Fitted:
    """How a head came about."""

    settings: HeadSettings
    history: list[EpochResult]
    trials: list[Trial]
    findings: list[dict[str, Any]]  # the watch's
    wrong_labels: Finding | None = None  # the audit's, where a label report was asked for


def learn_head(
    settings: Settings,
    network: Network,
    step: PreprocessConfig,
    backbone: Backbone,
    dataset: Dataset,
) -> Fitted:
    """Fit the breed head of `network` in place.

    Raises
    ------
    PhotoError, StoppedByRule
        The message is one sentence.
    """
    extractor = Extractor(network, step, settings.cache, settings.threads)
    photos, labels = _split(dataset, "train")
    upright, mirrored = extractor(photos), extractor(photos, mirrored=True)
    both = Samples(
        np.concatenate([upright.vectors, mirrored.vectors]), np.concatenate([labels, labels])
    )
    labels_of_train = labels
    photos, labels = _split(dataset, "valid")
    valid = Samples(extractor(photos).vectors, labels)
    torch.set_num_threads(1)  # a head is too small to share out, and one core sums in one order
    prior = (
        prior_head(imagenet_rows(network), dataset.labels, both)
        if backbone.pretrained
        else zero_prior(len(dataset.labels), imagenet_head(backbone.module).in_features)
    )
    wrong = None
    if settings.label_report:
        train = Samples(upright.vectors, labels_of_train)
        wrong = _wrong_labels(settings.head, prior, dataset, train, valid)
    head, fitted = _fit(settings, prior, both, valid)
    with torch.no_grad():
        network.breed_head.weight.copy_(torch.from_numpy(head.weight))
        network.breed_head.bias.copy_(torch.from_numpy(head.bias))
    return replace(fitted, wrong_labels=wrong)


def _split(dataset: Dataset, name: str) -> tuple[list[Path], Labels]:
    photos = dataset.of_split(name)
    labels = np.array([dataset.index(photo.breed) for photo in photos], np.int64)
    return [photo.path for photo in photos], labels


def imagenet_rows(network: Network) -> Head:
    """Return the head that the backbone came with."""
    own = imagenet_head(network.backbone)
    return Head(own.weight.detach().numpy(), own.bias.detach().numpy())


def _wrong_labels(
    settings: HeadSettings, prior: Prior, dataset: Dataset, train: Samples, valid: Samples
) -> Finding:
    """Find the photos of train and valid that may lie in a wrong folder; it stops nothing."""
    samples = Samples(
        np.concatenate([train.features, valid.features]),
        np.concatenate([train.labels, valid.labels]),
    )
    names = [photo.name for split in ("train", "valid") for photo in dataset.of_split(split)]
    probabilities = out_of_sample(prior, samples, settings)
    found = suspects(probabilities, samples.labels.tolist(), names, dataset.breeds)
    say(sentence(found, len(names)))
    return found


def _fit(settings: Settings, prior: Prior, both: Samples, valid: Samples) -> tuple[Head, Fitted]:
    chosen = settings.head
    trials: list[Trial] = []
    if settings.tune:
        chosen, trials = search(prior, both, valid, chosen, trials=settings.tune, tell=say)
        say(f"the search takes {json.dumps(asdict(chosen))}")
    watch = Watch(classes=len(prior.pull))
    with epoch_log(settings.out / "tensorboard") as on_epoch:
        head, history = fit_head(prior, both, valid, chosen, watch=watch, on_epoch=on_epoch)
    findings = [finding.as_json() for finding in watch.findings]
    return head, Fitted(chosen, history, trials, findings)
