"""Read the settings of a training from flags and from SageMaker's environment.

SageMaker passes each hyperparameter as a flag with a string (`--batch-size 64`), and its folders
as SM_CHANNEL_TRAIN and the like; a flag comes before the environment.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from dogbreeds.data.dataset import DataError
from dogbreeds.network.head import HeadSettings

DEFAULT_BACKBONE = "tf_efficientnet_lite2"
HOST_GB = 4.0
# Of host_gb, for photos that are decoded once for all steps; fine-tuning's squares have the rest.
STORE_SHARE = 0.25
_EXAMPLES = """\
examples:
  train.py --data FOLDER --out DIR             audit, fit the head, evaluate, write the package
  train.py --data FOLDER --out DIR --tune 20   search the hyperparameters first, with 20 trials
  train.py --data FOLDER --out DIR --finetune  then train the whole network

DIR then holds model.tar.gz, report.html, evaluation.json, audit.json and tensorboard/. In SageMaker
the names in brackets are environment variables that stand for a flag. Guide: docs/training.md
"""
CHANNELS = ("train", "valid", "test", "live")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_LARGEST = {"epochs": 10_000, "batch-size": 65_536, "tune": 10_000, "threads": 1_024}


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
    backbone_weights: Path | None
    head: HeadSettings
    tune: int  # trials of the local search; 0 takes the settings as they are
    accept: tuple[str, ...]  # kinds of the audit's findings, also several with commas
    threads: int  # 0: all cores
    finetune: bool = False  # the whole network is trained, not its head alone
    recipe: str = ""  # of finetune/recipes.py, or a file; "": by the number of photos
    checkpoints: Path | None = None  # folder of the fine-tuning's checkpoint; None: in the cache
    host_gb: float = HOST_GB  # of decoded photos kept in files; the others are decoded on demand
    label_report: bool = False  # list photos that may lie in a wrong breed's folder

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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DataError(f"{message[0].upper()}{message[1:]}; see train.py --help.")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> TrainingSettings:
    """Read the command line and the environment.

    Raises
    ------
    DataError
        A flag is unknown, a value is none or out of its range, or there is nowhere to write.
    """
    flags = _parser(environment).parse_args(arguments)
    out = flags.out or _path(environment, "SM_OUTPUT_DATA_DIR")
    model_dir = flags.model_dir or (None if flags.out else _path(environment, "SM_MODEL_DIR"))
    if out is None:
        raise DataError("There is nowhere to write; name a folder by --out DIR.")
    head = {entry.name: getattr(flags, entry.name) for entry in fields(HeadSettings)}
    return TrainingSettings(
        data=flags.data,
        channels={name: getattr(flags, name) for name in CHANNELS[:3] if getattr(flags, name)},
        live=flags.live,
        out=out,
        model_dir=model_dir,
        cache=flags.cache or _path(environment, "KENNEL_CACHE") or out.parent / ".cache",
        backbone=flags.backbone,
        backbone_weights=flags.backbone_weights,
        head=HeadSettings(**head),
        tune=flags.tune,
        accept=tuple(flags.accept),
        threads=flags.threads,
        finetune=flags.finetune or not flags.head_only,
        recipe=flags.recipe,
        checkpoints=flags.checkpoints or _checkpoints(environment),
        host_gb=flags.host_gb,
        label_report=flags.label_report,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    defaults = HeadSettings()
    parser = _Parser(
        prog="train.py",
        description="Train a dog breed classifier on labelled photos and package it for serving.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    switch: Any = {"type": _switch, "nargs": "?", "const": True, "metavar": "BOOL"}

    add = parser.add_argument_group("photos and folders").add_argument
    add(
        "--data", type=Path, help="folder with train/ valid/ test/, or with a folder for each breed"
    )
    for name in CHANNELS:
        variable = f"SM_CHANNEL_{name.upper()}"
        content = "package that serves now, to compare with" if name == "live" else f"{name} photos"
        default = _path(environment, variable)
        add(f"--{name}", type=Path, default=default, help=f"{content} [{variable}]")
    add("--out", type=Path, help="folder for package, report and logs [SM_OUTPUT_DATA_DIR]")
    add(
        "--model-dir",
        type=Path,
        help="write the package's files here instead of model.tar.gz [SM_MODEL_DIR]",
    )
    add("--cache", type=Path, help="folder for features and decoded photos [KENNEL_CACHE]")
    add(
        "--accept",
        action="append",
        default=[],
        metavar="KIND",
        help="findings of the audit that do not stop the run, several with commas",
    )
    add("--label-report", **switch, default=False, help="list photos whose folder looks wrong")

    add = parser.add_argument_group("the head").add_argument
    add("--backbone", default=DEFAULT_BACKBONE, help="any timm name (default: %(default)s)")
    add("--backbone-weights", type=Path, help=".safetensors or .pth with ImageNet weights")
    add("--tune", type=_whole("tune", 0), default=0, help="trials of the search; 0: no search")
    for name, kind, text in (
        ("epochs", _whole("epochs", 1), "passes over the features"),
        ("learning-rate", _positive, "Adam's first; a cosine takes it to 0"),
        ("batch-size", _whole("batch-size", 1), "photos in a step"),
        ("shrinkage", _positive, "weight of the penalty on leaving the pretrained head"),
        ("seed", _whole("seed", 0), "of the order of photos and of the search"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        add(f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)s)")
    add("--head-only", **switch, default=True, help="train the head alone (the default)")

    add = parser.add_argument_group("fine-tuning").add_argument
    add("--finetune", **switch, default=False, help="then train the whole network")
    add("--recipe", default="", help="small, large or a JSON file; default: by number of photos")
    add("--checkpoints", type=Path, help="folder that an interrupted fine-tuning resumes from")

    add = parser.add_argument_group("this machine").add_argument
    add(
        "--host-gb",
        type=_positive,
        default=HOST_GB,
        help="GB of decoded photos kept in files (default: %(default)s)",
    )
    threads = environment.get("SM_NUM_CPUS", "0")
    add(
        "--threads",
        type=_whole("threads", 0),
        default=threads,
        help="cores to use; 0: all [SM_NUM_CPUS]",
    )
    return parser


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None


def _checkpoints(environment: Mapping[str, str]) -> Path | None:
    """Return the folder that SageMaker keeps when it ends a spot instance, if the job has one."""
    if named := _path(environment, "KENNEL_CHECKPOINTS"):
        return named
    model_dir = _path(environment, "SM_MODEL_DIR")
    folder = model_dir.parent / "checkpoints" if model_dir else None  # /opt/ml/checkpoints
    return folder if folder and folder.is_dir() else None


def _switch(text: str) -> bool:
    lower = text.strip().lower()
    if lower not in (*_YES, *_NO, ""):
        raise argparse.ArgumentTypeError(f"received {text!r}, expected true or false")
    return lower not in _NO


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:  # noqa: PLR2004  # a NaN is refused here too
        raise argparse.ArgumentTypeError(f"received {text!r}, expected a number above 0")
    return value


def _whole(name: str, lowest: int) -> Any:  # argparse takes any callable
    highest = _LARGEST.get(name, 2**31 - 1)

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(
                f"received {text!r}, expected a whole number from {lowest} to {highest}"
            )
        return int(text)

    return read
