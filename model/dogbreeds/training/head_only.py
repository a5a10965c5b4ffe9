"""Train the breed head alone, on features that the frozen backbone computes once.

A search of any length costs one pass over the photos. The backbone stays as it is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from dogbreeds.data.audit_rules import Finding, without_dog
from dogbreeds.data.dataset import Dataset
from dogbreeds.data.wrong_labels import out_of_sample, sentence, suspects
from dogbreeds.evaluation import cross_validate
from dogbreeds.network.features import Extractor
from dogbreeds.network.head import (
    EpochResult,
    Head,
    Prior,
    Samples,
    fit_head,
    prior_head,
    zero_prior,
)
from dogbreeds.network.network import Network, imagenet_head
from dogbreeds.network.weights import Backbone
from dogbreeds.package.card import PreprocessConfig
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.training.logs import epoch_log
from dogbreeds.training.progress import say
from dogbreeds.training.search import Trial, search
from dogbreeds.training.settings import HeadSettings, TrainingSettings
from dogbreeds.watch.watch import Watch


@dataclass(frozen=True)
class FittedHead:
    """The settings and the course of a head's training."""

    settings: HeadSettings
    history: list[EpochResult]
    trials: list[Trial]
    findings: list[dict[str, Any]]  # the watch's
    cross_validation: dict[str, Any] | None = None  # where a breed has few test photos
    audit_findings: tuple[Finding, ...] = ()  # those that need features: no-dog, wrong-label


def fit_breed_head(  # noqa: PLR0917  # one call, in train.py
    settings: TrainingSettings,
    network: Network,
    config: PreprocessConfig,
    backbone: Backbone,
    dataset: Dataset,
    load: LoadPhoto = load_photo,
    same_picture: Iterable[Sequence[str]] = (),
) -> FittedHead:
    """Fit the breed head of `network` in place.

    Parameters
    ----------
    load : callable
        Reads and decodes a photo.
    same_picture : iterable of sequences of str
        Names of photos that show the same picture; a cross-validation keeps them together.

    Raises
    ------
    PhotoError, StoppedByRule
        The message is one sentence.
    """
    extractor = Extractor(network, config, settings.cache, settings.threads, load)
    train_photos, valid_photos = dataset.of_split("train"), dataset.of_split("valid")
    train_paths = [photo.path for photo in train_photos]
    labels = dataset.targets(train_photos)
    upright, mirrored = extractor(train_paths), extractor(train_paths, mirrored=True)
    train = Samples(
        np.concatenate([upright.vectors, mirrored.vectors]), np.concatenate([labels, labels])
    )
    valid_features = extractor([photo.path for photo in valid_photos])
    audit_findings = _find_no_dog(dataset, extractor) if backbone.pretrained else []
    valid = Samples(valid_features.vectors, dataset.targets(valid_photos))
    test_photos = dataset.of_split("test")
    test_labels = dataset.targets(test_photos)
    is_small = cross_validate.is_needed(test_labels, len(dataset.labels))
    test_features = extractor([photo.path for photo in test_photos]) if is_small else None
    torch.set_num_threads(1)  # a head is too small to share out, and one core sums in one order

    def prior_of(samples: Samples) -> Prior:
        if backbone.pretrained:
            return prior_head(imagenet_rows(network), dataset.labels, samples)
        return zero_prior(len(dataset.labels), imagenet_head(backbone.module).in_features)

    prior = prior_of(train)
    if settings.label_report:
        unmirrored = Samples(upright.vectors, labels)
        audit_findings.append(_find_wrong_labels(settings.head, prior, dataset, unmirrored, valid))
    head, fitted = _fit(settings, prior, train, valid)
    if test_features:
        names = [photo.name for photo in (*train_photos, *valid_photos, *test_photos)]
        row_of = {name: row for row, name in enumerate(names)}
        groups = [[row_of[name] for name in group if name in row_of] for group in same_picture]
        everything = Samples(
            np.concatenate([upright.vectors, valid.features, test_features.vectors]),
            np.concatenate([labels, valid.labels, test_labels]),
        )
        say("cross-validating the head, since a breed has few test photos")
        result = cross_validate.cross_validate(
            everything,
            mirrored.vectors,
            prior_of,
            fitted.settings,
            dataset.breeds,
            groups=[group for group in groups if len(group) > 1],
        )
        fitted = replace(fitted, cross_validation=result)
    with torch.no_grad():
        network.breed_head.weight.copy_(torch.from_numpy(head.weight))
        network.breed_head.bias.copy_(torch.from_numpy(head.bias))
    return replace(fitted, audit_findings=tuple(audit_findings))


def imagenet_rows(network: Network) -> Head:
    """Return the backbone's own ImageNet head."""
    own = imagenet_head(network.backbone)
    return Head(own.weight.detach().numpy(), own.bias.detach().numpy())


def _find_no_dog(dataset: Dataset, extractor: Extractor) -> list[Finding]:
    """Find photos that show no dog to the backbone; most of their features are cached by now."""
    features = extractor([photo.path for photo in dataset.photos])
    names = [photo.name for photo in dataset.photos]
    finding = without_dog(names, features.dog_mass.tolist())
    if not finding.items:
        return []
    say(f"{finding.kind}: {len(finding.items):,} photos; audit.json and report.html have them")
    return [finding]


def _find_wrong_labels(
    settings: HeadSettings, prior: Prior, dataset: Dataset, train: Samples, valid: Samples
) -> Finding:
    """Find the photos of train and valid that may lie in a wrong folder; it stops nothing."""
    samples = Samples(
        np.concatenate([train.features, valid.features]),
        np.concatenate([train.labels, valid.labels]),
    )
    names = [photo.name for split in ("train", "valid") for photo in dataset.of_split(split)]
    probabilities = out_of_sample(prior, samples, settings)
    finding = suspects(probabilities, samples.labels.tolist(), names, dataset.breeds)
    say(sentence(finding, len(names)))
    return finding


def _fit(
    settings: TrainingSettings, prior: Prior, train: Samples, valid: Samples
) -> tuple[Head, FittedHead]:
    chosen = settings.head
    trials: list[Trial] = []
    if settings.tune:
        chosen, trials = search(prior, train, valid, chosen, trials=settings.tune, log=say)
        say(f"best settings of the search: {json.dumps(asdict(chosen))}")
    watch = Watch(classes=len(prior.pull))
    with epoch_log(settings.out / "tensorboard") as on_epoch:
        head, history = fit_head(prior, train, valid, chosen, watch=watch, on_epoch=on_epoch)
    findings = [finding.as_json() for finding in watch.findings]
    return head, FittedHead(chosen, history, trials, findings)
