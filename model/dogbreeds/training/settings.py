"""Read the settings of a training from flags and from SageMaker's environment.

SageMaker passes each hyperparameter as a flag with a string (`--batch-size 64`), and its folders
as SM_CHANNEL_TRAIN and the like; a flag comes before the environment.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dogbreeds.data.layouts import DataError
from dogbreeds.training.flags import (
    CHANNELS,
    HOST_GB,
    parser_for,
    path_of,
    with_values_of_switches,
)

# Of host_gb, for photos that are decoded once for all steps; fine-tuning's squares have the rest.
STORE_SHARE = 0.25


@dataclass(frozen=True)
class HeadSettings:
    """The hyperparameters of the head's fit; search_space.json has the same names with hyphens."""

    shrinkage: float = 0.03  # of a photo's loss; 0 ignores the prior, 10 learns nothing
    learning_rate: float = 0.01  # Adam's at the start; decays to 0 by a cosine
    batch_size: int = 32  # photos, each mirrored view counted as one
    epochs: int = 30
    seed: int = 20


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of one training run."""

    data: Path | None
    channels: Mapping[str, Path]  # train, valid, test
    live: Path | None  # the package that serves now
    out: Path  # report.html, audit.json, evaluation.json, tensorboard/, and model.tar.gz
    model_dir: Path | None  # where SageMaker wants the package's files instead of model.tar.gz
    cache: Path
    backbone: str
    backbone_weights: Path | None  # a file
    head: HeadSettings
    tune: int  # trials of the local search; 0 takes the settings as they are
    accept: tuple[str, ...]  # kinds of the audit's findings, also several with commas
    threads: int  # 0: all cores
    finetune: bool = False  # the whole network is trained, not its head alone
    recipe: str = ""  # of finetune/recipes.py, or a file; "": by the number of photos
    checkpoints: Path | None = None  # folder of the fine-tuning's checkpoint; None: in the cache
    host_gb: float = HOST_GB  # of decoded photos kept in files; the others are decoded on demand
    label_report: bool = False  # list photos that may lie in a wrong breed's folder
    backbone_revision: str = ""  # of the backbone's repository on timm's hub; "": see hub.py
    random_weights: bool = False  # the backbone has learned nothing
    program: str = "train.py"  # what was called with which arguments, for the report
    arguments: tuple[str, ...] = ()  # of the command line, for the report

    @property
    def store_gb(self) -> float:
        """GB of decoded photos that `PhotoStore` keeps."""
        return self.host_gb * STORE_SHARE

    @property
    def squares_gb(self) -> float:
        """GB of squares that a fine-tuning keeps."""
        return self.host_gb * (1 - STORE_SHARE)

    def for_card(self) -> dict[str, Any]:
        """Return the settings that determine the model, without paths of this machine."""
        return {
            "head_only": not self.finetune,
            "backbone": self.backbone,
            "tune": self.tune,
            "accept": sorted(self.accept),
            **asdict(self.head),
        }


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> TrainingSettings:
    """Read the command line and the environment.

    Raises
    ------
    DataError
        A flag is unknown or has no effect beside the others, a value is none or out of its range,
        or there is nowhere to write.
    """
    parser = parser_for(environment, HeadSettings())
    flags, unknown = parser.parse_known_args(with_values_of_switches(arguments))
    parser.refuse_unknown(unknown)
    if flags.folder and flags.data:
        raise DataError(
            f"Received the photos twice, as {flags.folder} and by --data {flags.data}; name one."
        )
    out = flags.out or path_of(environment, "SM_OUTPUT_DATA_DIR")
    model_dir = flags.model_dir or (None if flags.out else path_of(environment, "SM_MODEL_DIR"))
    if out is None:
        raise DataError("There is nowhere to write; name a folder by --out DIR.")
    finetune = flags.finetune or flags.head_only is False
    _refuse_without_effect(flags, finetune)
    head = {entry.name: getattr(flags, entry.name) for entry in fields(HeadSettings)}
    return TrainingSettings(
        data=flags.folder or flags.data,
        channels={name: getattr(flags, name) for name in CHANNELS[:3] if getattr(flags, name)},
        live=flags.live,
        out=out,
        model_dir=model_dir,
        cache=flags.cache or path_of(environment, "KENNEL_CACHE") or out.parent / ".cache",
        backbone=flags.backbone,
        backbone_weights=flags.backbone_weights,
        head=HeadSettings(**head),
        tune=flags.tune,
        accept=tuple(flags.accept),
        threads=flags.threads,
        finetune=finetune,
        recipe=flags.recipe,
        checkpoints=flags.checkpoints or _checkpoints(environment),
        host_gb=flags.host_gb,
        label_report=flags.label_report,
        backbone_revision=flags.backbone_revision,
        random_weights=flags.random_weights,
        program=parser.prog,
        arguments=tuple(arguments),
    )


def _refuse_without_effect(flags: argparse.Namespace, finetune: bool) -> None:
    """Refuse a flag that another one makes void: one of the two is a mistake."""
    if flags.finetune and flags.head_only:
        raise DataError("--head-only and --finetune exclude each other; leave one out.")
    if not finetune:
        for flag, given in (("--recipe", flags.recipe), ("--checkpoints", flags.checkpoints)):
            if given:
                raise DataError(
                    f"{flag} {given} is a setting of the fine-tuning; add --finetune, or leave it "
                    "out."
                )
    sources = {
        "--backbone-weights": flags.backbone_weights,
        "--backbone-revision": flags.backbone_revision,
        "--random-weights": flags.random_weights,
    }
    given = [flag for flag, value in sources.items() if value]
    if len(given) > 1:
        raise DataError(f"{' and '.join(given)} name different weights; leave one out.")


def _checkpoints(environment: Mapping[str, str]) -> Path | None:
    """Return the folder that SageMaker keeps when it ends a spot instance, if the job has one."""
    if named := path_of(environment, "KENNEL_CHECKPOINTS"):
        return named
    model_dir = path_of(environment, "SM_MODEL_DIR")
    folder = model_dir.parent / "checkpoints" if model_dir else None  # /opt/ml/checkpoints
    return folder if folder and folder.is_dir() else None
