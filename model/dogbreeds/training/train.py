"""Run a whole training: audit, backbone, head, fine-tuning, package, report."""

import importlib.metadata
import json
import shlex
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from dogbreeds.data import wrong_labels
from dogbreeds.data.audit import Audit, accepted_kinds, audit
from dogbreeds.data.dataset import DataError, Dataset, read
from dogbreeds.data.seen import SEEN_BY_BACKBONE, seen_photos
from dogbreeds.evaluation.calibrate import RECALL, SURE_RECALL
from dogbreeds.evaluation.evaluate import table
from dogbreeds.finetune.distributed import SINGLE_PROCESS, World
from dogbreeds.finetune.run import fine_tune, finetune_input, follow
from dogbreeds.network.network import Network
from dogbreeds.network.weights import Backbone, load_backbone
from dogbreeds.package.archive import PACKAGE, whole_file, write_tar_gz
from dogbreeds.package.build import build_package, evaluation_json
from dogbreeds.package.card import (
    IMAGENET_MASS,
    MAX_PROBABILITY,
    Card,
    PreprocessConfig,
)
from dogbreeds.package.live import unpacked_live
from dogbreeds.package.pretrained import RECORDED, preprocess_config
from dogbreeds.package.write import write_folder
from dogbreeds.photos.decode import LONG_SIDE, SHORT_SIDE, LoadPhoto, load_photo
from dogbreeds.photos.store import PhotoStore
from dogbreeds.report import report
from dogbreeds.training.head_only import FittedHead, fit_breed_head
from dogbreeds.training.progress import say
from dogbreeds.training.run import TrainingRun
from dogbreeds.training.settings import TrainingSettings


def train(
    settings: TrainingSettings,
    world: World = SINGLE_PROCESS,
    decode: LoadPhoto = load_photo,
) -> dict[str, Any]:
    """Run a whole training and return what `evaluation.json` holds.

    Parameters
    ----------
    world : World
        The processes that share a fine-tuning; this is the first of them.
    decode : callable
        Reads and decodes a photo; it is called once for each photo that fits into the store.

    Raises
    ------
    DataError, PhotoError, PackageError, StoppedByRule, Interrupted, OSError
        The message is one sentence (or a list of them) for the person who started it.
    """
    with PhotoStore(settings.cache, settings.store_gb * 1e9, decode) as load, ExitStack() as exits:
        return _train(settings, world, load, exits)


def _train(
    settings: TrainingSettings, world: World, load: LoadPhoto, exits: ExitStack
) -> dict[str, Any]:
    started = datetime.now(UTC)
    with world.broadcasting_failure():
        live = exits.enter_context(unpacked_live(settings.live))  # refused before the work
        backbone = _backbone(settings)
        audited = _audited(settings, load)
        dataset = audited.dataset
        if settings.label_report:
            wrong_labels.check(dataset)
        seen = seen_photos(dataset, backbone.pretrained)
        may_choose = not seen.most or SEEN_BY_BACKBONE in audited.accepted
        why_head_only = "" if may_choose or not settings.finetune else seen.sentence()
        if why_head_only:
            say(why_head_only)
            settings = replace(settings, finetune=False)
        network, config = _network(settings, backbone, dataset)
        fitted = fit_breed_head(
            settings, network, config, backbone, dataset, load, audited.same_picture
        )
        if fitted.audit_findings:
            audited = replace(audited, findings=(*audited.findings, *fitted.audit_findings))
            audited.write(settings.out / "audit.json")
        card = _card(settings, fitted, backbone, audited)
    if why_head_only:
        world.broadcast(None)  # nothing to share
        kept = {"interpolation_share": 0.0, "reason": why_head_only}
        card = replace(card, training=card.training | {"finetune": kept})
    if settings.finetune:
        tuned = fine_tune(settings, network, config, dataset, world=world, load=load)
        card = replace(card, input=config, training=card.training | {"finetune": tuned.training})
        fitted = replace(
            fitted, history=tuned.history, findings=[*fitted.findings, *tuned.findings]
        )
    facts = {
        "seen_by_backbone": seen.as_json() | {"head_only_because": why_head_only},
        "cross_validation": fitted.cross_validation,
    }
    finished = build_package(
        network, card, dataset, live, load, with_likely=not seen.most, facts=facts
    )
    members, card, evaluation = finished.members, finished.card, finished.evaluation
    if settings.model_dir:
        write_folder(settings.model_dir, members)
    else:
        write_tar_gz(settings.out / PACKAGE, members)
    with whole_file(settings.out / "evaluation.json") as temporary:
        temporary.write_text(evaluation_json(evaluation), "utf-8")
    next_commands = () if settings.model_dir else _next_commands(settings)
    path_of = {photo.name: photo.path for photo in audited.before.photos}
    run = TrainingRun(
        evaluation=evaluation,
        audit=audited.as_json(),
        card=json.loads(card.to_json()),
        history=[asdict(epoch) for epoch in fitted.history],
        settings=card.training,
        versions=card.made_with,
        photos=lambda name: load(path_of[name]),
        findings=fitted.findings,
        trials=[asdict(trial) for trial in fitted.trials],
        date=f"{started:%-d %B %Y, %H:%M} UTC",
        command=f"{settings.program} {shlex.join(settings.arguments)}",
        next_commands=next_commands,
    )
    report.write(settings.out / "report.html", run)
    print(table(evaluation))
    print(_last_line(settings, card, evaluation), flush=True)
    if next_commands:
        print("Next:", *next_commands, sep="\n", flush=True)
    return evaluation


def _audited(settings: TrainingSettings, load: LoadPhoto) -> Audit:
    accepted = accepted_kinds(settings.accept)
    audited = audit(read(settings.data, settings.channels), accepted, load)
    audited.write(settings.out / "audit.json")
    say(audited.table())
    if audited.stopping:
        raise DataError(audited.verdict())
    say(audited.verdict())
    return audited


def _network(
    settings: TrainingSettings, backbone: Backbone, dataset: Dataset
) -> tuple[Network, PreprocessConfig]:
    config = preprocess_config(backbone.module)
    if settings.finetune:
        config = finetune_input(settings, dataset, config)
    network = Network(backbone.module, len(dataset.labels), config, dog_score(backbone))
    return network.eval(), config


def _backbone(settings: TrainingSettings) -> Backbone:
    backbone = load_backbone(
        settings.backbone,
        settings.backbone_weights,
        revision=settings.backbone_revision,
        random=settings.random_weights,
    )
    if not backbone.pretrained:
        say(
            "WARNING: --random-weights: the backbone has RANDOM weights; expect a poor model, and "
            "a dog score that is only the highest breed probability."
        )
    return backbone


def train_with_first(settings: TrainingSettings, world: World) -> None:
    """Train with the first process, which does all the rest."""

    def build(dataset: Dataset) -> tuple[Network, PreprocessConfig]:
        return _network(settings, _backbone(settings), dataset)

    follow(settings, build, world)


def dog_score(backbone: Backbone) -> str:
    """Return what the network's second output will hold (card.py)."""
    return IMAGENET_MASS if backbone.pretrained else MAX_PROBABILITY


def _card(
    settings: TrainingSettings, fitted: FittedHead, backbone: Backbone, audited: Audit
) -> Card:
    dataset = audited.dataset
    training = replace(settings, head=fitted.settings).for_card()
    return Card(
        name=f"{settings.backbone}-{len(dataset.labels)}-breeds",
        version="",
        backbone=settings.backbone,
        input=preprocess_config(backbone.module),
        wire={"short": SHORT_SIDE, "long": LONG_SIDE},
        temperature=1.0,
        dog_threshold=0.0,
        dog_threshold_reason=(
            f"{RECALL:.0%} of the dogs in valid have this score or more, and {SURE_RECALL:.0%} the "
            "sure one: as they are, compressed, small and blurred."
        ),
        smoke_breed="",
        dog_score=dog_score(backbone),
        credits=(backbone.credit,),
        made_with={name: importlib.metadata.version(name) for name in (*RECORDED, "optuna")},
        training=training
        | {"backbone_weights": backbone.credit}
        | {f"backbone_{name}": value for name, value in backbone.origin.items()},
        data={
            "photos": {name: len(dataset.of_split(name)) for name in ("train", "valid", "test")},
            "breeds": len(dataset.labels),
            "left_out": audited.left_out,
            "imagenet_photos": audited.imagenet_photos,
            "findings": {finding.kind: len(finding.files) for finding in audited.findings},
        },
    )


def _next_commands(settings: TrainingSettings) -> tuple[str, ...]:
    """Return commands that classify a photo with the package, serve it here, and export it."""
    kennel = settings.program.removesuffix(" train") if " " in settings.program else "kennel"
    package = shlex.quote(str(settings.out / PACKAGE))
    return (
        f"{kennel} classify --model {package} photo.jpg",
        f"{kennel} up --model {package}",
        f"{kennel} export {package} --to onnx --out exported",
    )


def _last_line(settings: TrainingSettings, card: Card, result: dict[str, Any]) -> str:
    low, high = result["top1_interval"]
    package = settings.model_dir or settings.out / PACKAGE
    line = (
        f"{package}: {card.name}@{card.version}, top-1 {result['top1']:.3f} "
        f"(95 %: {low:.3f} to {high:.3f}) on {result['photos']:,} test photos"
    )
    if folds := result["cross_validation"]:
        low, high = folds["top1_interval"]
        line += (
            f"; cross-validated on all {folds['photos']:,}: "
            f"{folds['top1']:.3f} ({low:.3f} to {high:.3f})"
        )
    if imagenet := card.data["imagenet_photos"]:
        line += f"; {imagenet:,} of the photos are ImageNet's by name, so expect less on new photos"
    if card.dog_score != IMAGENET_MASS:
        line += "; the backbone has RANDOM weights"
    return line
