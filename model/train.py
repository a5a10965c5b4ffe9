"""Labelled photos to a calibrated, documented model package.

    python model/train.py --data FOLDER --out DIR              # 1,400 photos: a minute and a half
    python model/train.py --data FOLDER --out DIR --tune 20    # 20 trials first
    python model/train.py --data FOLDER --out DIR --finetune   # the whole network

DIR then holds `model.tar.gz`, `report.html`, `evaluation.json`, `audit.json` and `tensorboard/`.
The same script runs in SageMaker, where folders and hyperparameters come as `settings.py` says,
and SM_MODEL_DIR receives the package's files. It ends with exit status 0, or 1 and one sentence.
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dogbreeds.data import wrong_labels
from dogbreeds.data.audit import Audit, accepted_kinds, audit
from dogbreeds.data.dataset import DataError, Dataset, read
from dogbreeds.evaluation.calibrate import RECALL
from dogbreeds.evaluation.evaluate import table
from dogbreeds.finetune.distributed import ALONE, World, joined, restart_under_torchrun
from dogbreeds.finetune.interrupt import Interrupted
from dogbreeds.finetune.run import fine_tune, follow, tuned_input
from dogbreeds.network.network import Network
from dogbreeds.network.weights import Backbone, load_backbone
from dogbreeds.package.archive import whole_file, write_tar_gz
from dogbreeds.package.build import build_package, evaluation_json
from dogbreeds.package.card import (
    IMAGENET_MASS,
    MAX_PROBABILITY,
    Card,
    PackageError,
    PreprocessConfig,
)
from dogbreeds.package.pretrained import RECORDED, preprocess_config
from dogbreeds.package.write import PACKAGE, write_folder
from dogbreeds.photos.decode import LONG_SIDE, SHORT_SIDE, PhotoError
from dogbreeds.report import report
from dogbreeds.training.failure import told_to_sagemaker
from dogbreeds.training.head_only import Fitted, learn_head
from dogbreeds.training.progress import say
from dogbreeds.training.settings import Settings, parse
from dogbreeds.watch.watch import StoppedByRule


def train(settings: Settings, world: World = ALONE) -> dict[str, Any]:
    """Run a whole training and return what `evaluation.json` holds.

    Parameters
    ----------
    world : World
        The processes that share a fine-tuning; this is the first of them.

    Raises
    ------
    DataError, PhotoError, PackageError, StoppedByRule, Interrupted, OSError
        The message is one sentence (or a list of them) for the person who started it.
    """
    with world.telling_why():
        audited = _audited(settings)
        dataset = audited.dataset
        if settings.label_report:
            wrong_labels.check(dataset)
        backbone = load_backbone(settings.backbone, settings.backbone_weights)
        if not backbone.pretrained:
            say(
                f"WARNING: no weights for {settings.backbone} are installed and "
                "--backbone-weights names none, so it starts from RANDOM weights: expect a poor "
                "model, and a dog score that is only the highest breed probability."
            )
        network, step = _network(settings, backbone, dataset)
        fitted = learn_head(settings, network, step, backbone, dataset)
        if fitted.wrong_labels:
            audited = replace(audited, findings=(*audited.findings, fitted.wrong_labels))
            audited.write(settings.out / "audit.json")
        card = _card(settings, fitted, backbone, audited)
    if settings.finetune:
        tuned = fine_tune(settings, network, step, dataset, world)
        card = replace(card, input=step, training=card.training | {"finetune": tuned.training})
        fitted = replace(
            fitted, history=tuned.history, findings=[*fitted.findings, *tuned.findings]
        )
    finished = build_package(network, card, dataset, settings.live)
    members, card, result = finished.members, finished.card, finished.evaluation
    if settings.model_dir:
        write_folder(settings.model_dir, members)
    else:
        write_tar_gz(settings.out / PACKAGE, members)
    with whole_file(settings.out / "evaluation.json") as temporary:
        temporary.write_text(evaluation_json(result), "utf-8")
    where = {photo.name: photo.path for photo in dataset.photos}
    report.write(
        settings.out / "report.html",
        evaluation=result,
        history=[asdict(entry) for entry in fitted.history],
        audit=audited.as_json(),
        settings=card.training | {"trials": [asdict(trial) for trial in fitted.trials]},
        versions=card.made_with,
        card=json.loads(card.to_json()),
        photos=lambda name: where[name].read_bytes(),
        findings=fitted.findings,
    )
    print(table(result))
    print(_last_line(settings, card, result), flush=True)
    return result


def _audited(settings: Settings) -> Audit:
    accepted = accepted_kinds(settings.accept)
    audited = audit(read(settings.data, settings.channels), accepted)
    audited.write(settings.out / "audit.json")
    say(audited.table())
    if audited.stopping:
        raise DataError(audited.verdict())
    say(audited.verdict())
    for split in ("train", "valid", "test"):
        if not audited.dataset.of_split(split):
            raise DataError(f"There are no photos in {split}; training needs some in each split.")
    return audited


def _network(
    settings: Settings, backbone: Backbone, dataset: Dataset
) -> tuple[Network, PreprocessConfig]:
    step = preprocess_config(backbone.module)
    if settings.finetune:
        step = tuned_input(settings, dataset, step)
    network = Network(backbone.module, len(dataset.labels), step, dog_score(backbone))
    return network.eval(), step


def _follow(settings: Settings, world: World) -> None:
    """Share the fine-tuning of the first process."""

    def build(dataset: Dataset) -> tuple[Network, PreprocessConfig]:
        backbone = load_backbone(settings.backbone, settings.backbone_weights)
        return _network(settings, backbone, dataset)

    follow(settings, build, world)


def dog_score(backbone: Backbone) -> str:
    """Return what the network's second output will hold (card.py)."""
    return IMAGENET_MASS if backbone.pretrained else MAX_PROBABILITY


def _card(settings: Settings, fitted: Fitted, backbone: Backbone, audited: Audit) -> Card:
    dataset = audited.dataset
    told = replace(settings, head=fitted.settings).for_card()
    return Card(
        name=f"{settings.backbone}-{len(dataset.labels)}-breeds",
        version="",
        backbone=settings.backbone,
        input=preprocess_config(backbone.module),
        wire={"short": SHORT_SIDE, "long": LONG_SIDE},
        temperature=1.0,
        dog_threshold=0.0,
        dog_threshold_reason=f"{RECALL:.0%} of the dogs in valid have this score or more.",
        smoke_breed="",
        dog_score=dog_score(backbone),
        credits=(backbone.credit,),
        made_with={name: importlib.metadata.version(name) for name in (*RECORDED, "optuna")},
        training=told | {"backbone_weights": backbone.credit},
        data={
            "photos": {name: len(dataset.of_split(name)) for name in ("train", "valid", "test")},
            "breeds": len(dataset.labels),
            "left_out": audited.left_out,
            "imagenet_photos": audited.imagenet_photos,
            "findings": {found.kind: len(found.files) for found in audited.findings},
        },
    )


def _last_line(settings: Settings, card: Card, result: dict[str, Any]) -> str:
    low, high = result["top1_interval"]
    where = settings.model_dir or settings.out / PACKAGE
    line = (
        f"{where}: {card.name}@{card.version}, top-1 {result['top1']:.3f} "
        f"(95 %: {low:.3f} to {high:.3f}) on {result['photos']:,} test photos"
    )
    if seen := card.data["imagenet_photos"]:
        line += (
            f"; {seen:,} of the photos are ImageNet's by name, so on new photos expect it to be "
            "right less often"
        )
    if card.dog_score != IMAGENET_MASS:
        line += "; the backbone has RANDOM weights"
    return line


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line or SageMaker says."""
    with told_to_sagemaker():
        try:
            given = list(sys.argv[1:] if arguments is None else arguments)
            settings = parse(given, os.environ)
            if settings.finetune:
                restart_under_torchrun(Path(__file__).resolve(), given)
            with joined(os.environ) if settings.finetune else nullcontext(ALONE) as world:
                if world.first:
                    train(settings, world)
                else:
                    _follow(settings, world)
        except (DataError, PhotoError, PackageError, StoppedByRule, Interrupted) as error:
            raise SystemExit(str(error)) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise SystemExit(f"{error.filename or 'A file'}: {reason}.") from error


if __name__ == "__main__":
    main()
